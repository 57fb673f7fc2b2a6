/**
 * The same jobs in a bare Deno program that checks nothing and survives nothing: what the runtime itself costs, so that
 * the rest is ours. `floor.ts chain JSON` starts services one after the other; `floor.ts relay FILE JSON` copies output.
 */
const [mode, ...args] = Deno.args;

function start([program = "", ...args]: string[], stdout: "null" | "piped"): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout }).spawn();
}

async function ready(port: number): Promise<void> {
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/ready`);
      await answer.body?.cancel();
      if (answer.ok) return;
    } catch { /* not yet */ }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const children: Deno.ChildProcess[] = [];
Deno.addSignalListener("SIGTERM", async () => {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map((child) => child.status));
  Deno.exit(0);
});

if (mode === "chain") {
  for (const { port, argv } of JSON.parse(args[0]!) as { port: number; argv: string[] }[]) {
    children.push(start(argv, "null"));
    await ready(port);
  }
} else {
  using file = Deno.openSync(args[0]!, { write: true, create: true, truncate: true });
  const child = start(JSON.parse(args[1]!), "piped");
  children.push(child);
  const reader = child.stdout.getReader({ mode: "byob" });
  for (let buffer = new ArrayBuffer(256 << 10);;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) break;
    for (let at = 0; at < value.length;) at += file.writeSync(value.subarray(at));
    buffer = value.buffer;
  }
}
setInterval(() => {}, 1 << 30);
