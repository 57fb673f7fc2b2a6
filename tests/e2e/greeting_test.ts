/** The greeting with a voice that is a command, as flite or espeak-ng are. Spec: §10, §13; CONTRACT §6. */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome } from "../support/loader_process.ts";
import { read } from "../support/strangers.ts";

const test = (name: string, act: (home: TestHome) => Promise<void>) =>
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using home = new TestHome();
      await act(home);
    },
  });

/** A KWD and a TTS that do nothing, and a voice: this script. */
function configOf(home: TestHome, voice: string, greeting: Record<string, unknown>): string {
  const names = ["kwd", "tts"];
  const idle = { cmd: ["sleep", "300"], readiness: { type: "exec", cmd: ["true"] }, warmup: false };
  const command = (script: string) => ["sh", "-c", script.replaceAll("$", () => "$$")];
  return home.write(
    "loader.yaml",
    JSON.stringify({
      loader: {
        name: "t",
        startup_sequence: names,
        shutdown_sequence: names,
        post_boot_greeting: greeting,
      },
      services: {
        kwd: { ...idle, control: { kind: "command", pause: ["true"], resume: ["true"] } },
        tts: { ...idle, control: { kind: "command", speak: command(voice) } },
      },
    }),
  );
}

/** Boots until the greeting is over, and stops. */
async function boot(home: TestHome, config: string): Promise<LoaderProcess> {
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/READY FOR WAKE WORD/);
  assert.equal(await loader.interrupt(), 0, loader.log);
  await home.assertNothingLeft([], loader.pid);
  return loader;
}

test("P10: a long greeting is not cut off; its budget's warning comes once per text, not per boot", async (home) => {
  const long = { text: "A".repeat(60), budget_ms: 100 };
  const config = configOf(home, `sleep 5.5; echo end > ${home.dir}/spoken`, long);
  const [warning, ...more] = (await boot(home, config)).messages("TTS", "WARNING");
  assert.match(warning!, /^Greeting took longer than its budget .*loader\.post_boot_greeting\.budget_ms/);
  assert.deepEqual(more, []);
  assert.equal(read(`${home.dir}/spoken`), "end\n");

  const quick = configOf(home, "sleep 1.2", long);
  assert.deepEqual((await boot(home, quick)).messages("TTS", "WARNING"), [], "the text is known");
  const other = configOf(home, "sleep 1.2", { ...long, text: "B".repeat(60) });
  assert.equal((await boot(home, other)).messages("TTS", "WARNING").length, 1, "another text");
  assert.deepEqual((await boot(home, other)).messages("TTS", "WARNING"), []);
});

test("P10: a voice that is over its time gets SIGTERM first, and the warning names the key", async (home) => {
  const voice = `trap 'echo TERM > ${home.dir}/told; exit 1' TERM; sleep 60 & wait`;
  const loader = await boot(home, configOf(home, voice, { timeout_sec: 2 }));
  assert.deepEqual(loader.messages("TTS", "WARNING"), [
    "Greeting failed: no end within 2 s (loader.post_boot_greeting.timeout_sec); enabling wake-word detection all the same",
  ]);
  assert.equal(read(`${home.dir}/told`), "TERM\n");
});
