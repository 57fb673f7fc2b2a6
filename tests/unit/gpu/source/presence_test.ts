import assert from "node:assert/strict";
import { mayHaveGpu } from "../../../../lib/gpu/mod.ts";

const test = (name: string, fn: () => void) => Deno.test({ name, ignore: Deno.build.os !== "linux", fn });

function there(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What this machine shows of a GPU, looked up without the library: a driver's files, or a card on the PCI bus. */
function shown(): string[] {
  const files = ["/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/nvmap", "/dev/kfd"].filter(there);
  let bus = "";
  try {
    bus = Deno.readTextFileSync("/proc/bus/pci/devices");
  } catch { /* a machine without PCI, or a container that hides it */ }
  // Second column: vendor and device, four digits each.
  const vendors = bus.split("\n").map((line) => (line.split("\t")[1] ?? "").slice(0, 4).toLowerCase());
  return [...files, ...vendors.filter((vendor) => vendor === "10de" || vendor === "1002")];
}

/** Runs `fn` with a new folder that holds empty files of these names. */
function withTools(names: readonly string[], fn: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, "", { mode: 0o755 });
    fn(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const machine = shown().length > 0;
const said = `the machine shows [${shown()}]`;

test("mayHaveGpu() of an environment that names nothing is what the machine shows", () => {
  withTools(["nvidia-smi.txt", "smi"], (folder) => {
    for (const env of [{ PATH: folder }, { PATH: `${folder}/none` }, { PATH: folder, ALEXA_NVML_PATH: "" }]) {
      assert.equal(mayHaveGpu(env), machine, `${JSON.stringify(env)}: ${said}`);
    }
  });
});

test("mayHaveGpu() believes ALEXA_NVML_PATH, whether or not the library is there", () => {
  withTools(["nvml.so"], (folder) => {
    assert.equal(mayHaveGpu({ PATH: folder, ALEXA_NVML_PATH: `${folder}/nvml.so` }), true);
    assert.equal(mayHaveGpu({ PATH: folder, ALEXA_NVML_PATH: `${folder}/none.so` }), true);
  });
});

test("mayHaveGpu() finds each vendor's tool in any folder of the PATH", () => {
  for (const tool of ["nvidia-smi", "amd-smi", "rocm-smi"]) {
    withTools([tool], (folder) => {
      for (const path of [folder, `/none:${folder}`, `:${folder}:/none`]) {
        assert.equal(mayHaveGpu({ PATH: path }), true, `${tool} in ${path}`);
      }
    });
  }
});

test("mayHaveGpu() takes an empty or odd environment without a complaint", () => {
  // An empty PATH names the root folder's files; nobody keeps tools there.
  const long = Array.from({ length: 2000 }, (_, i) => `/none/${i}`).join(":");
  for (
    const env of [{}, { PATH: undefined }, { PATH: "" }, { PATH: ":::" }, { PATH: "/a\0b" }, { PATH: long }]
  ) {
    assert.equal(mayHaveGpu(env), machine, said);
  }
});
