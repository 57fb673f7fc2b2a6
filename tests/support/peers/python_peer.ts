/** Runs a Python peer of this folder as a child that ends with us. Its first line is its port. */
import { TextLineStream } from "./text_lines.ts";

export interface PythonPeer extends AsyncDisposable {
  port: number;
  pid: number;
  /** Ends the peer (also done by disposal) and returns the JSON lines that it wrote after its port. */
  finish(): Promise<Record<string, unknown>[]>;
}

export function startPythonPeer(script: string, ...args: string[]): Promise<PythonPeer> {
  return startPeerBy("python3", script, ...args);
}

/** By a Python of the caller's choice, which may have packages that this one has not. */
export async function startPeerBy(python: string, script: string, ...args: string[]): Promise<PythonPeer> {
  const child = new Deno.Command(python, {
    args: [new URL(script, import.meta.url).pathname, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextLineStream())[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error(`${script} did not start`);
  let finished: Promise<Record<string, unknown>[]> | null = null;
  const finish = async () => {
    await child.stdin.close();
    const said: Record<string, unknown>[] = [];
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      said.push(JSON.parse(line.value));
    }
    await child.status;
    return said;
  };
  return {
    port: Number(first.value),
    pid: child.pid,
    finish: () => finished ??= finish(),
    async [Symbol.asyncDispose]() {
      await (finished ??= finish());
    },
  };
}
