/**
 * Where a service's sound is heard, for services that only make it: a program that plays a file, or a Wyoming `snd`
 * service. Whether the sound had time to be heard is looked at: a program without a device is done within a moment.
 * Spec: §10; CONTRACT §5.
 */
import { parseTarget } from "../address.ts";
import type { ControlSpec } from "../model/plan.ts";
import type { RuleFindings, ServiceView } from "../model/written.ts";
import { lengthMs, type Sound, wavOf } from "../protocols/sound.ts";
import { encodeEvent, eventReader, WyomingError } from "../protocols/wyoming.ts";
import type { Shapes } from "../shapes.ts";
import { deadline } from "../sys/clock.ts";
import { makePrivateDir, temporaryFile } from "../sys/files/files.ts";
import { connectTcp, TcpError } from "../sys/net/tcp.ts";
import { describeValue } from "../text.ts";
import { quoted, type SpeakAnswer } from "./answers.ts";
import type { Ask, ControlContext } from "./kind.ts";

export type Output = { players: string[][] } | { snd: { host: string; port: number } };

/** Asked in this order; each of them takes a file. */
const usualPlayers = [
  ["pw-play"],
  ["paplay"],
  ["aplay", "-q"],
  ["play", "-q"],
  ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
];
/** The sound servers of a machine that has just started may come after us. */
const patienceMs = 3000, retryMs = 250;
/** A device has a buffer; who has not said by then that the sound is over is not waited for. */
const tailMs = 1000;
const chunkMs = 64;

export const outputKeys = ({ text, argv }: Shapes) => ({
  player: argv().optional().describe(
    "Program that plays a WAV file, put in for `{file}` or at the end; when left out the first of `pw-play`, `paplay`, `aplay`, `play`, `ffplay` that can",
  ),
  snd: text(255).optional().describe(
    "`host:port` of a Wyoming `snd` service that plays it, instead of a program",
  ),
});

export function checkOutput(
  { player, snd }: Readonly<Record<string, unknown>>,
  { name, path }: ServiceView,
  found: RuleFindings,
): void {
  if (typeof snd !== "string") return;
  const at = { path: [...path, "control", "snd"], at: "value" } as const;
  if (parseTarget(snd) === null) {
    found.errors.push({
      ...at,
      message: `${name}: not the address of a snd service`,
      wanted: "host:port",
      found: describeValue(snd),
    });
  } else if (player !== undefined) {
    found.errors.push({ ...at, message: `${name}: its sound goes to \`player\` or to \`snd\`, not to both` });
  }
}

export function planOutput(
  { player, snd }: { player?: string[] | undefined; snd?: string | undefined },
  { argv }: ControlContext,
): Output {
  if (snd !== undefined) return { snd: parseTarget(snd)! };
  return { players: player ? [argv(player)] : usualPlayers };
}

/** Where a control has its sound played; the usual players for one whose service plays it itself. */
export function outputOf(control: ControlSpec): Output {
  return "players" in control || "snd" in control ? control as unknown as Output : { players: usualPlayers };
}

export function describeOutput(output: Output): string {
  if ("snd" in output) return `snd ${output.snd.host}:${output.snd.port}`;
  return output.players.map(([program]) => program).join(" | ");
}

/** Plays it; resolves when it has ended. Never rejects, except with the signal's reason. */
export async function play(sound: Sound, output: Output, ask: Ask): Promise<SpeakAnswer> {
  return "snd" in output ? await toSnd(sound, output.snd, ask) : await byProgram(sound, output.players, ask);
}

const finished = (ms: number): SpeakAnswer => ({ state: "finished", spokenMs: ms });
const failed = (detail: string): SpeakAnswer => ({ state: "failed", detail });

async function byProgram(sound: Sound, players: string[][], ask: Ask): Promise<SpeakAnswer> {
  const { clock, signal, scratch } = ask;
  const soundMs = lengthMs(sound);
  const until = clock.now() + Math.min(patienceMs, ask.timeoutMs - soundMs - tailMs);
  const path = `${scratch}/speech.wav`;
  makePrivateDir(scratch);
  using _file = temporaryFile(path, wavOf(sound));
  for (;;) {
    const refusals: string[] = [];
    let found = false;
    for (const player of players) {
      const began = clock.now();
      const result = await ask.run(withFile(player, path), { signal, timeoutMs: soundMs + tailMs });
      const ranMs = clock.now() - began;
      if (result.missing) {
        refusals.push(`${player[0]}: not found`);
        continue;
      }
      found = true;
      if (result.timedOut || (result.code === 0 && ranMs >= soundMs / 2)) return finished(ranMs);
      refusals.push(
        result.code === 0
          ? `${player[0]}: done after ${seconds(ranMs)} of ${seconds(soundMs)}, so nothing was heard`
          : `${player[0]}: ${result.signal ?? `exit ${result.code}`}${quoted(result.stderr)}`,
      );
      if (ranMs >= tailMs) return failed(refusals.at(-1)!); // part of it may have been heard: not twice
    }
    if (!found) {
      return failed(
        `there is no program to play its sound with (${refusals.join(", ")}): install one (pipewire-bin, ` +
          "pulseaudio-utils or alsa-utils), or name yours with control.player",
      );
    }
    if (clock.now() + retryMs >= until) {
      return failed(
        `its sound cannot be played (${
          refusals.join("; ")
        }): look for a sound device (\`aplay -l\`), and whether this ` +
          "user's PipeWire or PulseAudio runs",
      );
    }
    await clock.sleep(retryMs, signal);
  }
}

function withFile(player: readonly string[], path: string): string[] {
  const filled = player.map((word) => word.replaceAll("{file}", path));
  return player.some((word) => word.includes("{file}")) ? filled : [...filled, path];
}

/** It says `played`; where it does not, the sound's length is over when it is over. */
async function toSnd(
  sound: Sound,
  { host, port }: { host: string; port: number },
  ask: Ask,
): Promise<SpeakAnswer> {
  const { clock, signal } = ask;
  const { samples, ...format } = sound;
  const soundMs = lengthMs(sound);
  const began = clock.now();
  const ranMs = () => clock.now() - began;
  using limit = deadline(clock, soundMs + tailMs, signal);
  let sent = false;
  try {
    using stream = await connectTcp(host, port, limit.signal);
    await stream.write(encodeEvent("audio-start", { ...format }));
    const size = Math.ceil(format.rate * chunkMs / 1000) * format.width * format.channels;
    for (let at = 0; at < samples.length; at += size) {
      await stream.write(encodeEvent("audio-chunk", { ...format }, samples.subarray(at, at + size)));
    }
    await stream.write(encodeEvent("audio-stop"));
    sent = true;
    const events = eventReader(stream);
    for (let event = await events.next(); event !== null; event = await events.next()) {
      if (event.type === "played") return finished(ranMs());
      if (event.type === "error") {
        return failed(`snd ${host}:${port}: ${String(event.data.text).slice(0, 200)}`);
      }
    }
    if (ranMs() >= soundMs / 2) return finished(ranMs());
    return failed(`snd ${host}:${port} closed the connection before the end of the sound`);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted && sent) return finished(ranMs());
    if (limit.signal.aborted) {
      return failed(`snd ${host}:${port} does not take the sound as fast as it is to be heard`);
    }
    if (error instanceof TcpError || error instanceof WyomingError) {
      return failed(`snd ${host}:${port}: ${error.message}`);
    }
    throw error;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
