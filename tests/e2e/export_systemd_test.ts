/** A real systemd runs what is exported for it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { exportPerService, exportSystemd } from "../../lib/export/systemd.ts";
import { commandLine, unitText, unitWord } from "../../lib/export/unit.ts";
import { loadPlan } from "../../lib/mod.ts";
import { systemdTest, underSystemd } from "../support/real_systemd.ts";
import { command, TestHome } from "../support/loader_process.ts";
import { assistant, roles } from "../support/scenario.ts";
import { hostileWords } from "../unit/export/support.ts";

systemdTest(
  "whatever words a command and its variables have, a real systemd hands them over as they were",
  async () => {
    await using home = new TestHome();
    const cases = fc.sample(fc.tuple(hostileWords, hostileWords), { numRuns: 100, seed: 15 });
    const show = home.write(
      "show.sh",
      `i=$1; shift; for word; do printf '%s\\0' "$word"; done >${home.dir}/words-$i
cat /proc/self/environ >${home.dir}/env-$i`,
    );
    const shown = (what: string, i: number) =>
      Deno.readTextFileSync(`${home.dir}/${what}-${i}`).split("\0").slice(0, -1);
    const units = cases.map(([args, values], i) => ({
      name: `case${i}.service`,
      text: unitText("# comment\n", [
        ["Unit", [["DefaultDependencies", "no"]]],
        ["Service", [
          ["Type", "oneshot"],
          ["ExecStart", commandLine(["/bin/sh", show, String(i), ...args])],
          ...values.map((value, n) => ["Environment", unitWord(`V${n}=${value}`)] as const),
        ]],
      ]),
    }));
    const names = units.map(({ name }) => name).join(" ");
    const printed = await underSystemd(home.dir, units, `systemctl start ${names}`);
    for (const [i, given] of cases.entries()) {
      const env = shown("env", i);
      const values = given[1].map((_, n) =>
        env.find((line) => line.startsWith(`V${n}=`))?.replace(`V${n}=`, "")
      );
      assert.deepEqual([shown("words", i), values], given, `${units[i]!.text}\n${printed}`);
    }
  },
);

systemdTest(
  "a real systemd boots the services one by one, each ready and warm before the next, and greets once",
  async () => {
    await using home = new TestHome();
    const { plan, options } = await exported(home);
    const files = exportPerService(plan, options);
    const target = files[0]!.name;
    const states = files.map(({ name }) => `systemctl is-active ${name}`).join("\n");
    const printed = await underSystemd(
      home.dir,
      files,
      `systemctl start ${target} && ${states}\nsystemctl start ${files.at(-1)!.name}\nsystemctl stop ${
        files.map(({ name }) => name).join(" ")
      }`,
    );
    assert.equal(printed, "active\n".repeat(files.length));
    const at = (role: string, event: string) => home.stampsOf(role).find((stamp) => stamp.event === event)!.t;
    for (const [i, role] of roles.entries()) {
      assert.ok(at(role, "ready") < at(role, "warm"), role);
      const next = roles[i + 1];
      if (next) assert.ok(at(role, "warm") < at(next, "start"), `${next} starts when ${role} is warm`);
      assert.ok(
        home.events(role).includes("stopped"),
        home.events(role).join(),
      );
    }
    assert.equal(home.events("tts").filter((event) => event === "speak_begin").length, 1);
    assert.ok(at("tts", "warm") < at("tts", "speak_begin"));
  },
);

systemdTest("a real systemd runs the loader's unit, hardened as it is, and stops it cleanly", async () => {
  await using home = new TestHome();
  const { plan, options } = await exported(home);
  const [unit] = exportSystemd(plan, options);
  const shown = "--property=ActiveState,Result,ExecMainStatus";
  const printed = await underSystemd(
    home.dir,
    [unit!],
    `systemctl start ${unit!.name}
n=0; until grep -qs speak_end ${home.stamps}/tts.jsonl || [ $n = 400 ]; do sleep 0.05; n=$((n + 1)); done
systemctl show ${shown} ${unit!.name}
systemctl stop ${unit!.name}
systemctl show ${shown} ${unit!.name}`,
  );
  assert.deepEqual(printed.trim().split("\n").map((line) => line.split("=")[1]), [
    ...["success", "0", "active"],
    ...["success", "0", "inactive"],
  ], printed);
  assert.equal(home.events("tts").filter((event) => event === "speak_begin").length, 1);
});

systemdTest(
  "a real systemd waits for the loader's word, shows it, and starts one again that hangs",
  async () => {
    await using home = new TestHome();
    const { plan, options } = await exported(home);
    const [unit] = exportSystemd(plan, options);
    const text = unit!.text.replace(/^WatchdogSec=.*/m, "WatchdogSec=1s\nWatchdogSignal=SIGKILL").replace(
      /^RestartSec=.*/m,
      "RestartSec=0",
    );
    const printed = await underSystemd(
      home.dir,
      [{ ...unit!, text }],
      `systemctl start ${unit!.name}
systemctl show --property=StatusText ${unit!.name}
sleep 1.5
systemctl show --property=NRestarts ${unit!.name}
kill -STOP $(systemctl show --property=MainPID --value ${unit!.name})
n=0; until [ "$(systemctl show --property=NRestarts --value ${
        unit!.name
      })" = 1 ] || [ $n = 400 ]; do sleep 0.05; n=$((n + 1)); done
systemctl show --property=NRestarts,Result ${unit!.name}
systemctl stop ${unit!.name}`,
    );
    const [status, ...more] = printed.trim().split("\n");
    assert.match(status!, /^StatusText=(Not yet: it greets|You can talk)/, printed);
    assert.deepEqual(
      more.filter((line) => line.startsWith("NRestarts")),
      ["NRestarts=0", "NRestarts=1"],
      printed,
    );
  },
);

function python(): string {
  return new TextDecoder().decode(
    new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] }).outputSync().stdout,
  ).trim();
}

/** An assistant of the fixtures' for systemd, in a home of its own there, too. */
async function exported(home: TestHome) {
  const { config } = assistant(home);
  const { loaded, plan } = await loadPlan({ config });
  const variables = home.environment();
  delete variables.PATH;
  return {
    plan,
    options: {
      program: command(),
      resolve: (argv: readonly string[]) => argv[0] === "python3" ? [python(), ...argv.slice(1)] : [...argv],
      choice: ["--config", config],
      folder: home.dir,
      config: { text: loaded.text, variables },
      user: false,
      runAs: "root",
      systemd: 252,
      path: Deno.env.get("PATH") ?? "",
    },
  };
}
