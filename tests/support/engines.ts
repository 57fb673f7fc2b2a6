/** Which engines of a real assistant are here, and how to get those that are not. */
import { isSetUp } from "../../scripts/voice/assistant.ts";

const has = (program: string, ...args: string[]) => {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};

export const hasDebianEngines = has("/usr/bin/python3", "-c", "import pocketsphinx.pocketsphinx") &&
  has("flite", "-lv");
export const hasNeuralEngines: boolean = isSetUp();
if (!hasDebianEngines) {
  console.log(
    "No pocketsphinx or flite: tests with Debian's engines are skipped. " +
      "apt install pocketsphinx pocketsphinx-en-us python3-pocketsphinx flite",
  );
}
if (!hasNeuralEngines) {
  console.log(
    "No environment of the neural assistant: its tests are skipped. " +
      "python3 lib/demo/assistant/set_up.py (570 MB)",
  );
}
