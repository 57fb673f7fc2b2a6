/**
 * `deno task voice [--debian] [--room] [--transcripts]`: sets up and boots the reference assistant. Without `--debian`
 * the neural one, whose environment is made first, once. Without a sound card, or with `--room`, a TCP room carries the
 * sound: see lib/demo/assistant/room.py.
 */
import { runtimeFlags } from "../lib/version.ts";
import { hasSound, root, setUp, voiceHome, writeAssistant } from "./voice/assistant.ts";

const unknown = Deno.args.filter((arg) => !["--debian", "--room", "--transcripts"].includes(arg));
if (unknown.length > 0) {
  console.error(`voice: unknown ${unknown.join(" ")}; it takes --debian, --room and --transcripts`);
  Deno.exit(2);
}
const variant = Deno.args.includes("--debian") ? "debian" : "wyoming";
const room = Deno.args.includes("--room") || !hasSound();
// Ctrl-C reaches the set-up and the loader themselves; we stay for how they end.
Deno.addSignalListener("SIGINT", () => {});
const code = await setUp(variant);
if (code !== 0) Deno.exit(code);
const { config, ports } = writeAssistant(variant, `${voiceHome}/${variant}`, {
  room,
  edit: (text) => Deno.args.includes("--transcripts") ? text.replace(/# (- "--transcripts")/, "$1") : text,
});
if (room) console.log(`The room carries the sound: 127.0.0.1:${ports.room}`);
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", ...runtimeFlags, `${root}main.ts`, "up", "--config", config],
}).spawn();
Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
Deno.exit((await child.status).code);
