/** The reference assistants, written into a folder with ports that are free: for `deno task voice` and its check. */
import { assistantFiles, needsSetUp, ownPorts, voiceHome as homeOf } from "../../lib/demo/assistant/mod.ts";
import { presets } from "../../lib/demo/assistant/presets.ts";

export type Variant = "debian" | "wyoming";
export const root = new URL("../../", import.meta.url).pathname;

export const voiceHome: string = homeOf(Deno.env.toObject());

export interface Written {
  config: string;
  ports: Record<keyof typeof ownPorts, number>;
}

/** Writes the assistant over what was there. `edit` may change the configuration. */
export function writeAssistant(
  variant: Variant,
  folder: string,
  { room, usual = true, edit = (text) => text }: {
    room: boolean;
    /** false: ports that nobody else would take, another check included. */
    usual?: boolean;
    edit?: (text: string) => string;
  },
): Written {
  const ports = { ...ownPorts };
  const given = new Set<number>();
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) {
    do ports[name] = usual ? freePort(ports[name], given) : lowPort(); while (given.has(ports[name]));
    given.add(ports[name]);
  }
  const moved = new Map(Object.entries(ownPorts).map(([name, port]) => [port, ports[name as "kwd"]]));
  for (const file of assistantFiles({ ...presets[variant], room, home: voiceHome })) {
    const isConfig = file.path === "config/loader.yaml";
    const text = isConfig
      ? edit(file.text.replace(/\b500[1-6]\b/g, (port) => String(moved.get(Number(port)))))
      : file.text;
    const path = `${folder}/${file.path}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text, { mode: file.mode });
  }
  return { config: `${folder}/config/loader.yaml`, ports };
}

/** Makes the environment that the variant needs, unless it is there. Its exit code. */
export async function setUp(variant: Variant, stdout: "inherit" | "null" = "inherit"): Promise<number> {
  if (!needsSetUp({ ...presets[variant], room: true, home: voiceHome })) return 0;
  const script = `${root}lib/demo/assistant/set_up.py`;
  const { code } = await new Deno.Command("python3", { args: [script, voiceHome], stdout }).spawn().status;
  return code;
}

/** Whether the neural one's environment is complete. */
export function isSetUp(): boolean {
  try {
    return ["env/bin/wyoming-piper", "wake/wyoming", "models/gemma-3-270m.gguf"].every((path) =>
      Deno.statSync(`${voiceHome}/${path}`)
    );
  } catch {
    return false;
  }
}

/** Whether there is something to play and record with; without, the room carries the sound. */
export function hasSound(): boolean {
  try {
    return [...Deno.readDirSync("/dev/snd")].some(({ name }) => name.startsWith("pcm"));
  } catch {
    return false;
  }
}

/** Below those that the system gives to connections, so that it stays free until it is taken. */
function lowPort(): number {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

function freePort(wanted: number, given: ReadonlySet<number>): number {
  for (const port of given.has(wanted) ? [0] : [wanted, 0]) {
    try {
      using listener = Deno.listen({ hostname: "127.0.0.1", port });
      return listener.addr.port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("unreachable: the system gives a port");
}
