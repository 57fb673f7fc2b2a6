/** Sound cards as the kernel has them, and what the sound server makes of them. */
import { kindOf } from "../../sys/files/files.ts";
import { mayUse, pathExists } from "../../sys/gpu_device.ts";
import { findProgram } from "../../sys/host.ts";
import { runCommand } from "../../sys/process/command.ts";
import type { SoundFacts, Volume } from "../facts.ts";
import { kernelText, type Looking } from "./looking.ts";

type Env = Readonly<Record<string, string | undefined>>;

const toolMs = 700;

export async function lookAtSound(looking: Looking, env: Env): Promise<SoundFacts> {
  const cards = parseCards(kernelText("/proc/asound/cards"));
  const pcm = kernelText("/proc/asound/pcm");
  const has = (program: string) => findProgram(program, "/", env.PATH ?? "") !== null;
  const socket = env.XDG_RUNTIME_DIR !== undefined && kindOf(`${env.XDG_RUNTIME_DIR}/pipewire-0`) !== null;
  const tool = socket && has("wpctl") ? "wpctl" : cards.length > 0 && has("amixer") ? "amixer" : null;
  const volume = async (node: string, control: string): Promise<Volume | null> => {
    if (tool === null) return null;
    const argv = tool === "wpctl" ? ["wpctl", "get-volume", node] : ["amixer", "-M", "sget", control];
    const { signal } = looking;
    return await looking.ask(
      argv.join(" "),
      null,
      async () => parseVolume(tool, (await runCommand(argv, { timeoutMs: toolMs, signal })).stdout),
    );
  };
  const [source, sink] = await Promise.all([
    volume("@DEFAULT_AUDIO_SOURCE@", "Capture"),
    volume("@DEFAULT_AUDIO_SINK@", "Master"),
  ]);
  return {
    cards,
    capture: /: capture \d/.test(pcm),
    playback: /: playback \d/.test(pcm),
    usable: cards.every(({ index }) => {
      const node = `/dev/snd/controlC${index}`;
      return !pathExists(node) || mayUse(node);
    }),
    pipewire: { installed: has("pipewire"), socket },
    source,
    sink,
  };
}

/** " 1 [Device         ]: USB-Audio - USB PnP Sound Device". */
export function parseCards(text: string): SoundFacts["cards"] {
  return [...text.matchAll(/^ *(\d+) \[(\S+) *\]: (.*)$/gm)].map(([, index, id = "", name = ""]) => ({
    index: Number(index),
    id,
    name,
  }));
}

/** "Volume: 0.40 [MUTED]" of wpctl, "Capture 50 [79%] [23.25dB] [on]" of amixer; null when there is no figure. */
export function parseVolume(tool: Volume["tool"], text: string): Volume | null {
  const figure = (tool === "wpctl" ? /^Volume: ([\d.]+)/m : /\[(\d+)%\]/).exec(text)?.[1];
  if (figure === undefined) return null;
  const percent = Math.round(Number(figure) * (tool === "wpctl" ? 100 : 1));
  return { percent, muted: tool === "wpctl" ? text.includes("[MUTED]") : /\[off\]/.test(text), tool };
}
