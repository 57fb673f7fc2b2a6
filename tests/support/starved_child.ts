/** Asks and looks at each SIGUSR1, and tells in a line of JSON what it came to; ends at SIGUSR2. For descriptors_test. */
import { listenForFinish } from "../../lib/voice/finish_listener.ts";
import { HttpError, httpRequest } from "../../lib/sys/net/http.ts";
import { connectTcp, TcpError } from "../../lib/sys/net/tcp.ts";
import { noneFree } from "../../lib/sys/process/descriptors.ts";
import { ProcessFamily } from "../../lib/sys/process/process_family.ts";
import { readStat } from "../../lib/sys/process/procfs.ts";

// A shell and a child of it in a session of its own, without any mark: known only as long as it is remembered.
const shell = new Deno.Command("/bin/sh", {
  args: ["-c", "env -i setsid sleep 60 & exec sleep 60"],
  stdout: "null",
  stderr: "null",
}).spawn();
const family = new ProcessFamily({ pid: shell.pid, startTime: readStat(shell.pid)!.startTime }, () => false);
while (family.living().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
const port = Number(Deno.args[0]);
const listener = listenForFinish("t", "token", () => {});
let finish = "";
listener.finished.then(({ ok, detail }) => finish = `${ok} ${detail}`);
const signal = new AbortController().signal;

const kind = (error: unknown) =>
  error instanceof HttpError || error instanceof TcpError ? error.kind : `${error}`;
const http = () =>
  httpRequest(`http://127.0.0.1:${port}/`, { signal, timeoutMs: 5000, maxBytes: 10 }).then(() => "ok", kind);
const tcp = () =>
  connectTcp("127.0.0.1", port, signal).then((stream) => {
    stream.close();
    return "ok";
  }, kind);

const told = async () => ({
  none: noneFree(),
  http: await http(),
  tcp: await tcp(),
  living: family.living().length,
  finish,
  stack: Boolean(Error("x").stack?.includes("\n")),
});
// Not at a byte on its standard input: the runtime opens that anew for each read.
Deno.addSignalListener("SIGUSR1", async () => {
  const now = await told();
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log(JSON.stringify({ ...now, finish }));
});
Deno.addSignalListener("SIGUSR2", () => {
  for (const { pid } of family.living()) Deno.kill(pid, "SIGKILL");
  Deno.exit(0);
});
setInterval(() => {}, 1000);
console.log(listener.url);
console.log(JSON.stringify(await told()));
