/** Whether there may be a GPU at all, asked without waking a driver: a millisecond, where looking in vain takes ten. Spec: §5. */
import { readBytes } from "../../sys/process/libc.ts";
import { pathExists } from "../../sys/gpu_device.ts";

/** What the kernel or a container's runtime shows of a GPU: NVIDIA's driver, WSL, a Jetson, AMD's compute driver. */
const traces = [
  "/proc/driver/nvidia",
  "/dev/nvidiactl",
  "/dev/dxg",
  "/dev/nvmap",
  "/dev/kfd",
];
const tools = ["nvidia-smi", "amd-smi", "rocm-smi"];
/** Where the driver is loaded only by its first user, the bus already shows the card: NVIDIA's and AMD's numbers. */
const vendors = /^[0-9a-f]{4}\t(10de|1002)/m;

/**
 * False only when nothing speaks for one: no trace of a driver, no card on the PCI bus, no tool on the PATH, and no
 * ALEXA_NVML_PATH.
 */
export function mayHaveGpu(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.ALEXA_NVML_PATH || traces.some(pathExists)) return true;
  const bus = readBytes("/proc/bus/pci/devices");
  if (bus && vendors.test(new TextDecoder().decode(bus))) return true;
  return (env.PATH ?? "").split(":").some((folder) => tools.some((tool) => pathExists(`${folder}/${tool}`)));
}
