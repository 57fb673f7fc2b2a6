/** `doctor` on machines that are really so, and its bundle. */
import assert from "node:assert/strict";
import { connectControl } from "../../lib/api/client.ts";
import { doctor as doctorRoute } from "../../lib/api/routes/doctor.ts";
import type { DoctorReport } from "../../lib/model/doctor.ts";
import { LoaderProcess, lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

interface Run {
  code: number;
  report: DoctorReport;
  /** What it says of a rule. */
  of(id: string): DoctorReport["findings"];
}

async function doctor(home: TestHome, args: string[], o: { wrapper?: string[] } = {}): Promise<Run> {
  await using run = new LoaderProcess(home, ["doctor", "--json", ...args], { cwd: home.dir, ...o });
  const code = await run.exit();
  const report: DoctorReport = JSON.parse(run.lines.map(({ text }) => text).join("\n"));
  const of = (id: string) => report.findings.filter((finding) => finding.id === id);
  return { code, report, of };
}

const yaml = (home: TestHome, config: unknown) => home.write("loader.yaml", JSON.stringify(config));
const order = (...names: string[]) => ({ startup_sequence: names, shutdown_sequence: names });
const tcp = (port: number) => ({ type: "tcp", host: "127.0.0.1", port });

Deno.test("doctor names what is really wrong with this machine, each with what to do, and exits 3", async () => {
  await using home = new TestHome();
  const port = lowPort(), models = `${home.dir}/models`;
  Deno.mkdirSync(models);
  Deno.writeTextFileSync(`${home.dir}/hollow.onnx`, "version https://git-lfs.github.com/spec/v1\n");
  Deno.mkdirSync(`${home.state}/alexa-loader/d`, { recursive: true });
  Deno.chmodSync(`${home.state}/alexa-loader/d`, 0o755);
  using stranger = Deno.listen({ port, hostname: "127.0.0.1" });
  await using open = Deno.serve({ port: 0, hostname: "0.0.0.0", onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") return Response.json({ object: "list", data: [] });
    return new Response("no messages", { status: pathname === "/v1/chat/completions" ? 400 : 404 });
  });
  await using locked = Deno.serve(
    { port: 0, hostname: "0.0.0.0", onListen() {} },
    (request) =>
      request.method === "GET" ? Response.json({ data: [] }) : new Response("no key", { status: 401 }),
  );
  const config = yaml(home, {
    loader: { ...order("kwd", "stt", "tts", "llm", "rag"), name: "d" },
    services: {
      kwd: { cmd: ["sleep", "60"], readiness: tcp(port) },
      stt: { cmd: ["no-such-engine"], readiness: tcp(lowPort()), env: { HF_TOKEN: "planted-secret" } },
      tts: {
        cmd: ["sleep", "60", "--data-dir", models, "--model", `${home.dir}/gone.onnx`],
        readiness: tcp(lowPort()),
      },
      llm: {
        manage: "external",
        readiness: { type: "http", url: `http://127.0.0.1:${open.addr.port}/v1/models` },
      },
      rag: {
        role: "other",
        cmd: ["sleep", "60", "--model", `${home.dir}/hollow.onnx`],
        readiness: { type: "http", url: `http://127.0.0.1:${locked.addr.port}/v1/models`, owner: "any" },
      },
    },
  });
  Deno.chmodSync(config, 0o644);
  const wrapper = ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh"];
  const { code, report, of } = await doctor(home, ["--config", config], { wrapper });

  assert.equal(code, 3);
  assert.equal(report.healthy, false);
  assert.match(of("port-held")[0]!.what, new RegExp(`port ${port} \\(kwd\\) is held by pid ${Deno.pid} `));
  assert.equal(of("port-held")[0]!.mend, `kill ${Deno.pid}`);
  assert.match(of("command-missing")[0]!.what, /^stt: the command "no-such-engine" is not there/);
  assert.equal(of("model-missing")[0]!.what, `tts: ${home.dir}/gone.onnx is not there`);
  assert.equal(of("model-empty")[0]!.what, `tts: ${models}`);
  assert.match(of("model-hollow")[0]!.what, /^rag: .*hollow\.onnx is a pointer of Git LFS/);
  assert.deepEqual(of("server-open").map(({ what }) => what), [
    `A model server answers without a key on 0.0.0.0:${open.addr.port}`,
  ]);
  assert.match(of("limit-files")[0]!.what, /it is 80, 94 are needed/);
  assert.equal(of("config-exposed")[0]!.mend, `chmod 600 ${config}`);
  assert.match(of("folder-exposed")[0]!.what, /alexa-loader\/d has the rights 755/);
  assert.ok(report.findings.every(({ mend, what, title }) => mend !== "" && what !== "" && title !== ""));
  assert.ok(report.ms < 3000, `${report.ms} ms`);
  stranger.addr; // it is used: it holds the port
});

Deno.test("doctor without a configuration looks at the machine, and with a wrong one says where", async () => {
  await using home = new TestHome();
  const without = await doctor(home, []);
  assert.equal(without.of("config-missing").length, 1);
  assert.ok(without.report.fine.includes("disk-full") && without.report.unjudged.includes("port-held"));

  const broken = home.write("broken.yaml", "loader:\n  startup_sequense: [kwd]\nservices: {}\n");
  const wrong = await doctor(home, ["--config", broken]);
  assert.equal(wrong.code, 3);
  assert.ok(wrong.of("config-invalid").some(({ what }) => /broken\.yaml:2:3: .*startup_sequense/.test(what)));

  const none = await runLoader(home, ["doctor", "--config", `${home.dir}/none.yaml`]);
  assert.equal(none.code, 2, "a file that was named and is not there is wrong usage");
  const text = await runLoader(home, ["doctor", "--config", broken]);
  assert.match(text.out, /^Not healthy: \d+ failed/);
  assert.match(
    text.out,
    /fail {2}The configuration is wrong: .*\n {6}-> alexa-loader check .* {2}\[config-invalid\]/,
  );
  const help = await runLoader(home, ["doctor", "--help"]);
  assert.match(help.out, /Exit codes: 0 healthy .*\n?.*3 something failed/);
});

Deno.test({
  name: "doctor asks the loader that runs: its ports are its own, and what is wrong with it is told",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config } = assistant(home);
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const well = await doctor(home, ["--config", config]);
    for (const id of ["port-held", "service-down", "not-listening", "not-guarded", "loader-hangs"]) {
      assert.ok(well.report.fine.includes(id), `${id}: ${JSON.stringify(well.report.findings)}`);
    }
    assert.deepEqual(well.of("folder-exposed"), []);

    const client = connectControl(`${home.runtime}/alexa-loader/t/control.sock`);
    const { fine } = await client.ask(doctorRoute);
    assert.ok(fine.includes("not-guarded") && fine.includes("port-held"), `${fine}`);

    loader.signal("SIGSTOP");
    try {
      const hangs = await doctor(home, ["--config", config]);
      assert.match(hangs.of("loader-hangs")[0]!.what, /no answer within 1 s/);
      assert.equal(hangs.code, 3);
    } finally {
      loader.signal("SIGCONT");
    }
  },
});

Deno.test("doctor --bundle writes one private file without any of the secrets that it came across", async () => {
  await using home = new TestHome();
  const secret = (n: number) => `planted-${n}-zq7x`;
  const logs = `${home.state}/alexa-loader/b/logs`;
  Deno.mkdirSync(logs, { recursive: true });
  Deno.writeTextFileSync(
    `${logs}/combined.log`,
    [
      `2026-01-01T00:00:00.000Z STT      INFO = GET http://ann:${secret(1)}@10.0.0.2/v1`,
      `2026-01-01T00:00:00.000Z STT      INFO = sending Authorization: Bearer ${secret(2)}`,
      `2026-01-01T00:00:00.000Z STT      INFO = api_key=${secret(3)} password: "${secret(4)}"`,
      `2026-01-01T00:00:00.000Z STT      INFO = logged in with ${secret(5)} and ${secret(6)} and ${
        secret(12)
      }`,
      "2026-01-01T00:00:00.000Z STT      INFO = kept: 1 token, 2048 MiB",
    ].join("\n") + "\n",
  );
  const config = yaml(home, {
    loader: { ...order("stt"), name: "b" },
    services: {
      stt: {
        cmd: [
          "sleep",
          "60",
          "--hf-token",
          secret(7),
          `--url=http://u:${secret(8)}@h/`,
          `Bearer ${secret(9)}`,
        ],
        env: {
          HF_TOKEN: secret(5),
          DB_PASSWORD: secret(6),
          MY_SECRET: secret(10),
          OPENAI_API_KEY: secret(11),
        },
        readiness: tcp(lowPort()),
      },
    },
  });
  const path = `${home.dir}/bundle.json`;
  const run = await runLoader(home, ["doctor", "--config", config, "--bundle", path], {
    env: { UPSTREAM_TOKEN: secret(12) },
  });
  assert.match(run.err, /wrote .*bundle\.json: secrets are taken out/);
  const text = Deno.readTextFileSync(path);
  for (const all of [text, run.out, run.err]) assert.doesNotMatch(all, /planted|zq7x/);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  const { program, report, facts, configuration, logs: kept } = JSON.parse(text);
  assert.equal(program.kind.length > 0 && report.findings.length > 0, true);
  assert.equal(facts.plan.services[0].env.HF_TOKEN, "[redacted]");
  assert.match(configuration.join("\n"), /"DB_PASSWORD":"\[redacted\]"/);
  assert.match(kept["combined.log"].at(-1), /kept: 1 token, 2048 MiB$/);
});
