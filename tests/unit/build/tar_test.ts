import assert from "node:assert/strict";
import { tar } from "../../../scripts/build/tar.ts";
import { withProcesses } from "../../support/with_processes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

withProcesses.test("tar() writes what the system's tar reads: names, bytes and modes", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const large = crypto.getRandomValues(new Uint8Array(5000));
    Deno.writeFileSync(
      `${folder}/archive`,
      tar([
        { name: "program", bytes: large, mode: 0o700 },
        { name: "exact.js", bytes: bytes("x".repeat(512)), mode: 0o600 },
        { name: "empty", bytes: bytes(""), mode: 0o644 },
      ]),
    );
    const { success, stderr } = await new Deno.Command("tar", { args: ["-xpf", "archive"], cwd: folder })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.deepEqual(Deno.readFileSync(`${folder}/program`), large);
    assert.equal(Deno.readTextFileSync(`${folder}/exact.js`), "x".repeat(512));
    assert.equal(Deno.statSync(`${folder}/empty`).size, 0);
    assert.equal(Deno.statSync(`${folder}/program`).mode! & 0o777, 0o700);
    assert.equal(Deno.statSync(`${folder}/exact.js`).mode! & 0o777, 0o600);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("tar() refuses a name that does not fit", () => {
  assert.throws(() => tar([{ name: "n".repeat(101), bytes: bytes(""), mode: 0o600 }]), /too long/);
});
