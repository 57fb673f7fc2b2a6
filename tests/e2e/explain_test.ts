/** `explain` names the cause, what was tried since, and who is in the way. Spec: §13. */
import assert from "node:assert/strict";
import { kill, lowPort, until } from "../support/loader_process.ts";
import { never, sleeper, World } from "../support/sleepers.ts";
import { withProcesses } from "../support/with_processes.ts";

const { test } = withProcesses;
const masked = (text: string) =>
  text.replace(/\d\d:\d\d:\d\d/g, "T").replace(/pid \d+ \([^)]*\)/, "pid N").replace(
    /\d+\.\d+s/g,
    "Ns",
  );

test("explain tells of a start what it waits for, and of those behind it that they wait", async () => {
  await using world = new World();
  world.write({ stt: sleeper(never), tts: sleeper() });
  await world.up().waitLine(/STT +INFO = loading/);
  const { code, out } = await world.command("explain");
  assert.equal(code, 0, out);
  assert.deepEqual(masked(out).split("\n").slice(1), [
    'transcription (stt) is off: stt becomes ready since T; last output: "loading"',
    "tts waits for its turn",
  ]);
  await world.end();
});

test("explain tells what killed a service, what its restarts failed of, and who holds its port", async () => {
  await using world = new World();
  const port = lowPort();
  const taken = `${world.home.dir}/taken`;
  const tts = sleeper(`if [ -e ${taken} ]; then echo port in use; exit 3; fi; `);
  await world.boot({ kwd: sleeper(), tts }, { port_hygiene: { ports: { tts: port } } });
  assert.equal(
    (await world.command("explain", "tts")).out.replace(/\d\d:\d\d:\d\d/, "T"),
    "tts is up since T",
  );
  using _listener = Deno.listen({ port, hostname: "127.0.0.1" });
  Deno.writeTextFileSync(taken, "");
  kill((await world.pids()).tts!, "SIGKILL");
  await world.loader.waitLine(/TTS +ERROR = .*given up/);
  const [service, more] = JSON.parse((await world.command("explain", "--json")).out).services;
  assert.deepEqual([service.service, service.works, more], ["tts", false, undefined]);
  assert.equal(
    masked(service.text).replaceAll(String(port), "PORT"),
    'speech (tts) is off: Killed by SIGKILL after Ns at T; 2 restarts failed: Exited with code 3 after Ns ("port in use"); ' +
      "in the way: pid N holds port PORT; given up (2 restarts in 600 s); mend it, then: alexa-loader restart tts",
  );

  // A reload is named as long as its settings are not proved.
  world.write({ kwd: sleeper(), tts: sleeper("echo worse; exit 4; ") });
  await world.reload();
  await until("its end", () => world.loader.messages("TTS", "ERROR").length >= 2);
  const { out } = await world.command("explain", "tts");
  assert.match(
    masked(out),
    /^speech \(tts\) is off: Exited with code 4 after Ns \("worse"\) at T; with the settings that reload 1 brought; 2 restarts failed in the same way; given up/,
  );
  assert.equal((await world.command("explain", "nobody")).code, 2);
  await world.end();
});

test("explain without a loader says so", async () => {
  await using world = new World();
  world.write({ a: sleeper() });
  const { code, err } = await world.command("explain");
  assert.equal(code, 5);
  assert.match(err, /no loader is running/);
});
