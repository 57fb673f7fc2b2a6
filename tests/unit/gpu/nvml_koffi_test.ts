/** The same structs through another FFI with prototypes in C's own words must give the same figures. */
import assert from "node:assert/strict";
import koffi from "koffi";
import { type Nvml, type NvmlAnswer, openNvml } from "../../../lib/sys/nvml.ts";
import { gpuTest, nvmlStandin, type StandinFlag } from "../../support/gpu_standin.ts";

type Type = Parameters<typeof koffi.out>[0] | ReturnType<typeof koffi.out>;

const utilisation = koffi.struct({ gpu: "unsigned int", memory: "unsigned int" });
const memoryV1 = koffi.struct({ total: "uint64", free: "uint64", used: "uint64" });
const memoryV2 = koffi.struct({
  version: "unsigned int",
  total: "uint64",
  reserved: "uint64",
  free: "uint64",
  used: "uint64",
});
const processV1 = koffi.struct({ pid: "unsigned int", used: "uint64" });
const processV3 = koffi.struct({
  pid: "unsigned int",
  used: "uint64",
  gi: "unsigned int",
  ci: "unsigned int",
});

function value<T>(answer: NvmlAnswer<T>): T {
  assert.ok(answer.ok);
  return answer.value;
}

/** What koffi reads from the library, in the shape of our binding. */
function throughKoffi(path: string, old: boolean) {
  const library = koffi.load(path);
  const ok = (code: number) => assert.equal(code, 0);
  const fn = (name: string, ...parameters: Type[]) => library.func(name, "int", parameters);
  const device: [bigint | number] = [0n], count: [number] = [0];
  ok(fn("nvmlInit_v2")());
  ok(fn("nvmlDeviceGetCount_v2", koffi.out(koffi.pointer("unsigned int")))(count));
  ok(fn("nvmlDeviceGetHandleByIndex_v2", "unsigned int", koffi.out(koffi.pointer("uint64")))(0, device));
  const text = (name: string) => {
    const buffer = new Uint8Array(96);
    ok(fn(name, "uint64", koffi.pointer("uint8"), "unsigned int")(device[0], buffer, 96));
    return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
  };
  const memory = old
    ? { reserved: 0 } as Record<string, number>
    : { version: 40 | (2 << 24) } as Record<string, number>;
  const layout = koffi.inout(koffi.pointer(old ? memoryV1 : memoryV2));
  ok(fn(old ? "nvmlDeviceGetMemoryInfo" : "nvmlDeviceGetMemoryInfo_v2", "uint64", layout)(device[0], memory));
  const rates: Record<string, number> = {}, temperature: [number] = [0];
  ok(fn("nvmlDeviceGetUtilizationRates", "uint64", koffi.out(koffi.pointer(utilisation)))(device[0], rates));
  ok(
    fn("nvmlDeviceGetTemperature", "uint64", "int", koffi.out(koffi.pointer("unsigned int")))(
      device[0],
      0,
      temperature,
    ),
  );
  const list = (kind: string) => {
    const type = old ? processV1 : processV3;
    const size = koffi.sizeof(type), room: [number] = [64], buffer = new Uint8Array(64 * size);
    const name = `nvmlDeviceGet${kind}RunningProcesses${old ? "" : "_v3"}`;
    const list = fn(name, "uint64", koffi.inout(koffi.pointer("unsigned int")), koffi.pointer("uint8"));
    ok(list(device[0], room, buffer));
    return Array.from({ length: room[0] }, (_, i) => {
      const { pid, used } = koffi.decode(buffer, i * size, type);
      return { pid, usedBytes: used === 0xffff_ffff_ffff_ffffn ? null : Number(used) };
    });
  };
  const version = new Uint8Array(80);
  ok(fn("nvmlSystemGetDriverVersion", koffi.pointer("uint8"), "unsigned int")(version, 80));
  const { total, free, used, reserved = 0 } = memory;
  const seen = {
    driver: new TextDecoder().decode(version.subarray(0, version.indexOf(0))),
    count: count[0],
    name: text("nvmlDeviceGetName"),
    uuid: text("nvmlDeviceGetUUID"),
    memory: { total: Number(total), free: Number(free), used: Number(used), reserved: Number(reserved) },
    utilisation: rates.gpu,
    temperature: temperature[0],
    compute: list("Compute"),
    graphics: list("Graphics"),
  };
  ok(fn("nvmlShutdown")());
  library.unload();
  return seen;
}

async function throughOurs(nvml: Nvml) {
  value(await nvml.init());
  const device = value(await nvml.handleByIndex(0));
  const seen = {
    driver: value(await nvml.driverVersion()),
    count: value(await nvml.deviceCount()),
    name: value(await nvml.name(device)),
    uuid: value(await nvml.uuid(device)),
    memory: value(await nvml.memory(device)),
    utilisation: value(await nvml.utilisation(device)),
    temperature: value(await nvml.temperature(device)),
    compute: value(await nvml.computeProcesses(device)),
    graphics: value(await nvml.graphicsProcesses(device)),
  };
  assert.equal(value(await nvml.handleByUuid(seen.uuid)), device);
  value(await nvml.shutdown());
  return seen;
}

for (const flags of [[], ["OLD"]] as StandinFlag[][]) {
  gpuTest(
    `openNvml() and koffi read the same from ${flags.length ? "an old" : "a new"} driver's structs`,
    async () => {
      using standin = nvmlStandin({
        driver: "535.183.01",
        gpus: [
          {
            totalMib: 143771, // more than 32 bits of bytes
            usedMib: 98765,
            reservedMib: 432,
            utilisation: 87,
            temperatureC: 71,
            processes: [
              { pid: 4194304, usedMib: 90000 },
              { pid: 2, usedMib: null },
              { pid: 3, usedMib: 0 },
              { pid: 77, usedMib: 512, kind: "graphics" },
            ],
          },
          { name: "NVIDIA A2" },
        ],
      }, flags);
      using nvml = openNvml(standin.path) as Nvml;
      assert.ok(!("failure" in nvml));
      const ours = await throughOurs(nvml);
      assert.deepEqual(ours, throughKoffi(standin.path, flags.length > 0));
      assert.equal(ours.compute.length, 3);
      assert.equal(ours.memory.total, 143771 * 2 ** 20);
    },
  );
}
