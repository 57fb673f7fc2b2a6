/**
 * A program for tests: floods its log, then writes what it saw of itself as JSON and exits.
 *
 *     chatter.ts FOLDER MEGABYTES
 */
import { Log } from "../../../lib/log/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";

const [folder = "", megabytes] = Deno.args;
const log = new Log({ dir: folder, rotateBytes: 1e9, console: "stdout" });
log.info("MAIN", "first");
const relay = log.relay("LLM");
const line = new TextEncoder().encode("x".repeat(99) + "\n");
const chunk = new Uint8Array(65_500);
for (let at = 0; at < chunk.length; at += line.length) chunk.set(line, at);
let longestMs = 0;
let chunks = 0;
for (; chunks * chunk.length < Number(megabytes) * 1e6; chunks++) {
  const begin = performance.now();
  relay.write(chunk);
  await systemClock.sleep(0); // whatever else the program has to do gets its turn
  longestMs = Math.max(longestMs, performance.now() - begin);
}
log.info("MAIN", "last");
const begin = performance.now();
const flushed = await log.flush(300);
const flushMs = performance.now() - begin;
await log[Symbol.asyncDispose]();
const result = { lines: chunks * 655, longestMs, flushed, flushMs, rss: Deno.memoryUsage().rss };
Deno.writeTextFileSync(`${folder}/result.json`, JSON.stringify(result));
Deno.exit(0);
