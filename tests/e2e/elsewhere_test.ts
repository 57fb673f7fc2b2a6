/** A box with the language model and the ears, a living room with the rest; each has a loader of its own. CONTRACT §1, §12. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, lowPort, runLoader, TestHome, until } from "../support/loader_process.ts";
import { Authority, needsOpenssl, noOpenssl } from "../support/peers/tls_peer.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

type Config = { loader: Record<string, unknown>; services: Record<string, Record<string, unknown>> };

function edit(path: string, change: (config: Config) => void): void {
  const config = JSON.parse(Deno.readTextFileSync(path)) as Config;
  change(config);
  Deno.writeTextFileSync(path, JSON.stringify(config));
}

/** Only what listens and answers: no wake word, no voice. */
function makeBox(home: TestHome, control: Record<string, unknown>) {
  const made = assistant(home);
  edit(made.config, ({ loader, services }) => {
    Object.assign(loader, { startup_sequence: ["stt", "llm"], shutdown_sequence: ["llm", "stt"], control });
    delete services.kwd;
    delete services.tts;
  });
  return made;
}

Deno.test({
  name:
    `a box and a living room boot across the link, show each other, and outlive each other's loader${needsOpenssl}`,
  ignore: withoutPython || noOpenssl,
  async fn() {
    using ours = new Authority();
    await using there = new TestHome();
    await using here = new TestHome();
    const { cert, key } = ours.sign("box", "IP:127.0.0.1"), port = lowPort();
    const token_file = `${ours.dir}/box.token`;
    const box = makeBox(there, { listen: `127.0.0.1:${port}`, token_file, cert_file: cert, key_file: key });
    const living = assistant(here);
    edit(living.config, ({ services }) => {
      const elsewhere = { url: `https://127.0.0.1:${port}`, token_file, ca_file: ours.ca };
      const health = { interval_sec: 0.2, timeout_ms: 500 };
      const external = { manage: "external", health, elsewhere };
      services.stt = { ...external, readiness: { type: "tcp", host: "127.0.0.1", port: box.ports.STT } };
      services.llm = {
        ...external,
        readiness: { type: "grpc", target: `127.0.0.1:${box.ports.LLM}` },
        warmup: { kind: "http", url: `http://127.0.0.1:${box.ports.LLM_HTTP}/control/warmup` },
      };
    });
    const run = async (home: TestHome, config: string, ...args: string[]) =>
      await runLoader(home, [...args, "--config", config]);
    const statusOf = async (home: TestHome, config: string) =>
      JSON.parse((await run(home, config, "status", "--json")).out);

    // The living room is first, and waits.
    await using room = new LoaderProcess(here, ["up", "--config", living.config]);
    await room.waitLine(/STT .*Watching \(external\)/);
    await using first = new LoaderProcess(there, ["up", "--config", box.config]);
    await first.waitLine(/Other machines may ask at 127\.0\.0\.1:\d+; a new token is in /);
    await room.waitLine(/READY FOR WAKE WORD/);
    const order = ["KWD", "STT", "LLM", "TTS"].map((tag) =>
      room.lines.findIndex((line) => line.tag === tag && /^Ready in/.test(line.message))
    );
    assert.deepEqual(order, order.toSorted((a, b) => a - b), room.log);
    assert.ok(order.every((at) => at >= 0), room.log);
    await until(
      "the box's boot",
      async () => (await statusOf(there, box.config)).state === "SYSTEM_READY" || undefined,
    );

    const shown = (await run(here, living.config, "status")).out;
    assert.match(shown, /https:\/\/127\.0\.0\.1:\d+ \(stt, llm\): SYSTEM_READY, up for/);
    const { elsewhere } = await statusOf(here, living.config);
    assert.deepEqual(elsewhere[0].status.services.map(({ name }: { name: string }) => name), ["stt", "llm"]);
    assert.match((await run(here, living.config, "explain")).out, /: all of its services are up$/m);
    const token = Deno.readTextFileSync(token_file).trim();
    const said = (await Promise.all(["status", "explain", "plan"].map((what) =>
      run(here, living.config, what)
    )))
      .map(({ out, err }) => out + err).join("");
    assert.ok(!(said + room.log + first.log).includes(token), "the token is shown nowhere");

    // The box's loader is killed: its services end with it, ours go on.
    first.exitCode.catch(() => {});
    kill(first.pid, "SIGKILL");
    await room.waitLine(/DEGRADED: /);
    const without = (await run(here, living.config, "status")).out;
    assert.match(without, /\(stt, llm\): its loader does not tell: connection refused/);
    assert.match(
      (await run(here, living.config, "explain", "stt")).out,
      /its loader does not tell: connection refused/,
    );
    const ourPids = ({ services }: { services: { name: string; pid: number | null }[] }) =>
      services.filter(({ name }) => name === "kwd" || name === "tts").map(({ pid }) => pid);
    const before = ourPids(await statusOf(here, living.config));
    assert.ok(before.every((pid) => pid !== null));
    await using second = new LoaderProcess(there, ["up", "--config", box.config]);
    await until("its return", async () =>
      (await statusOf(here, living.config)).state === "SYSTEM_READY" || undefined);
    assert.deepEqual(ourPids(await statusOf(here, living.config)), before, "nothing of ours was touched");

    // Ours is killed: the box does not even notice, and is found again.
    const boxPids = async () =>
      (await statusOf(there, box.config)).services.map(({ pid }: { pid: number }) =>
        pid
      );
    const theirs = await boxPids();
    room.exitCode.catch(() => {});
    kill(room.pid, "SIGKILL");
    await until("its end", () => room.ended || undefined);
    await using again = new LoaderProcess(here, ["up", "--config", living.config]);
    await again.waitLine(/READY FOR WAKE WORD/);
    assert.deepEqual(await boxPids(), theirs);
    assert.equal(await again.interrupt(), 0, again.log);
    assert.deepEqual(await boxPids(), theirs);
    assert.equal(await second.interrupt(), 0, second.log);
    await there.assertNothingLeft([port, box.ports.STT, box.ports.LLM, box.ports.LLM_HTTP], second.pid);
    await here.assertNothingLeft([living.ports.KWD, living.ports.TTS], again.pid);
  },
});
