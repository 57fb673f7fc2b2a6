/** Who asks as another user; only root can. */
import assert from "node:assert/strict";

/** Connects to `path` as the user `uid`, sends a request and tells what came back. */
export async function askAs(uid: number, path: string): Promise<string> {
  const code = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"POST /v1/stop HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
sys.stdout.write(s.makefile().read())`;
  const command = new Deno.Command("/usr/bin/python3", { args: ["-c", code, path], uid, gid: uid });
  const { stdout, stderr } = await command.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}
