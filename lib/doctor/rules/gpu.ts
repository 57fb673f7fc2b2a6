/** The GPU: gone, half there, hindered, or not used. */
import type { Facts } from "../facts.ts";
import { type Rule, when } from "../rule.ts";

const MISMATCH = 18, LOST = 15, RESET_REQUIRED = 16, UNKNOWN = 999, NO_PERMISSION = 4, OPERATING_SYSTEM = 17;
/** NVIDIA's reasons for a lower clock: hardware slowdown, software and hardware thermal; the power brake. */
const thermal = 0x8 | 0x20 | 0x40, powerBrake = 0x80;
/** So much free memory would have held a model of some size. */
const roomMib = 1024;

const required = ({ plan }: Facts) => plan?.services.filter(({ gpu }) => gpu === "required") ?? [];
const onCpu = ({ loader }: Facts) => loader.status?.services.filter(({ on_cpu }) => on_cpu) ?? [];
const code = ({ gpu }: Facts) => gpu.failure?.code;

/** Null where NVIDIA tells no reasons. */
function slowedDown({ gpu }: Facts, reasons: number, by: string) {
  if (gpu.throttle.length === 0) return null;
  return gpu.throttle.flatMap((one) =>
    when((one.reasons & reasons) !== 0, `GPU ${one.gpu} is slowed down by ${by}`)
  );
}

export const gpuRules: Rule[] = [
  {
    id: "gpu-mismatch",
    severity: "fail",
    looksAt: "the answer of NVIDIA's management library",
    sees: "The NVIDIA driver's kernel module and its library are of different versions",
    why:
      "An update replaced the library while the kernel still runs the old module. CUDA fails until both are the same.",
    mend: "sudo reboot",
    check: (facts) =>
      facts.gpu.expected ? when(code(facts) === MISMATCH, facts.gpu.failure?.message ?? "") : null,
  },
  {
    id: "gpu-lost",
    severity: "fail",
    looksAt: "the answer of NVIDIA's management library",
    sees: "The GPU has fallen off the bus or needs a reset",
    why:
      "Heat, power or the driver: the kernel log has an Xid message that says which. No program gets it back by itself.",
    mend: "sudo nvidia-smi --gpu-reset; if that is refused: sudo reboot",
    check: (facts) =>
      facts.gpu.expected
        ? when([LOST, RESET_REQUIRED].includes(code(facts) ?? -1), facts.gpu.failure?.message ?? "")
        : null,
  },
  {
    id: "gpu-container",
    severity: "fail",
    looksAt: "the answer of NVIDIA's management library, within a container",
    sees: "The container has lost its GPU",
    why:
      '`systemctl daemon-reload` on the host resets the container\'s device rules, and the driver answers "unknown error" from then on.',
    mend:
      "Restart the container; so that it lasts, start it with --device=/dev/nvidia0 --device=/dev/nvidiactl --device=/dev/nvidia-uvm",
    check: (facts) =>
      facts.host.container && facts.gpu.expected
        ? when(
          [UNKNOWN, NO_PERMISSION, OPERATING_SYSTEM].includes(code(facts) ?? -1),
          facts.gpu.failure?.message ?? "",
        )
        : null,
  },
  {
    id: "gpu-driver",
    severity: "warn",
    looksAt: "the PCI bus and /proc/driver/nvidia",
    sees: "An NVIDIA card is there and its driver is not loaded",
    why:
      "The module was not built for the kernel that runs now, Secure Boot refuses it, or nouveau has the card.",
    mend: "sudo modprobe nvidia nvidia_uvm",
    check: ({ gpu, host }) =>
      gpu.nvidiaCard && !host.container // which sees the bus of its host, and the driver only with the GPU
        ? when(!gpu.nvidiaDriver, "an NVIDIA card is on the bus, its driver is not loaded")
        : null,
  },
  {
    id: "gpu-uvm",
    severity: "fail",
    looksAt: "/dev/nvidia-uvm and the loaded modules",
    sees: "The NVIDIA driver runs, and CUDA's part of it (nvidia_uvm) does not",
    why: "nvidia-smi works, yet CUDA finds no device, and engines quietly take the CPU.",
    mend: "sudo modprobe nvidia_uvm",
    check: ({ gpu }) =>
      gpu.uvm === null
        ? null
        : when(!gpu.uvm, "the NVIDIA driver runs without nvidia_uvm: CUDA finds no GPU"),
  },
  {
    id: "gpu-suspend",
    severity: "fail",
    looksAt: "services on the CPU, and how often the machine was suspended",
    sees: "A model is on the CPU since the machine was suspended",
    why: "After a resume nvidia_uvm is stale: CUDA fails for new processes although the driver answers.",
    mend: "sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm, then alexa-loader restart SERVICE",
    check: (facts) =>
      facts.loader.status && facts.gpu.nvidiaDriver
        ? facts.gpu.suspends === 0 ? [] : onCpu(facts).map(({ name }) => ({
          what: `${name} is on the CPU; the machine was suspended ${facts.gpu.suspends} times since its boot`,
          mend: `sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm && alexa-loader restart ${name}`,
        }))
        : null,
  },
  {
    id: "gpu-memory-lost",
    severity: "info",
    looksAt: "/proc/driver/nvidia/params",
    sees: "The GPU's memory is not kept when the machine is suspended",
    why: "Models that are loaded are gone or damaged after a resume.",
    mend:
      "echo options nvidia NVreg_PreserveVideoMemoryAllocations=1 | sudo tee /etc/modprobe.d/nvidia-suspend.conf, then reboot",
    check: ({ gpu }) =>
      gpu.keepsMemory === null ? null : when(
        !gpu.keepsMemory && gpu.suspends > 0,
        "this machine is suspended, and the GPU's memory is not kept",
      ),
  },
  {
    id: "gpu-permission",
    severity: "fail",
    looksAt: "the rights of /dev/nvidia*, /dev/kfd and /dev/dri/renderD128",
    sees: "This user may not use the GPU",
    why: "The device belongs to a group (video, render) that the user is not in.",
    mend: "sudo usermod -aG video,render $USER, then log in anew",
    check: ({ gpu, host }) =>
      gpu.expected
        ? gpu.denied.map((path) => ({
          what: `${host.user} may not use ${path}`,
          mend: `sudo usermod -aG video,render ${host.user}, then log in anew`,
        }))
        : null,
  },
  {
    id: "gpu-missing",
    severity: "fail",
    looksAt: "services with `gpu: required`",
    sees: "A service requires a GPU and there is none",
    why: "No driver answers, or CUDA_VISIBLE_DEVICES and gpu_index name a GPU that is not there.",
    mend: "Mend the driver (nvidia-smi must list the GPU), or write `gpu: optional` for the service",
    check: (facts) => {
      const names = required(facts).map(({ name }) => name);
      if (names.length === 0) return null;
      const why = facts.gpu.failure?.message ?? "nothing on this machine speaks for one";
      return when(
        facts.gpu.snapshot === null,
        `gpu: required by ${names.join(", ")}, and there is none: ${why}`,
      );
    },
  },
  {
    id: "gpu-hangs",
    severity: "fail",
    looksAt: "how long the driver takes to answer",
    sees: "The GPU's driver does not answer",
    why:
      "A driver that hangs takes everything with it that asks it, nvidia-smi included; only a reset helps.",
    mend: "sudo reboot (before that, sudo dmesg | grep -i xid tells why)",
    check: ({ gpu }) =>
      gpu.expected ? when(gpu.failure?.failure === "timeout", gpu.failure?.message ?? "") : null,
  },
  {
    id: "gpu-nvml",
    severity: "warn",
    looksAt: "which way the GPU can be asked",
    sees: "NVIDIA's management library cannot be used, so nvidia-smi is asked",
    why:
      "libnvidia-ml.so.1 is not where the linker looks (a container without it, NixOS). Each look starts a process.",
    mend: "Set ALEXA_NVML_PATH to the file libnvidia-ml.so.1",
    check: ({ gpu }) =>
      gpu.snapshot && gpu.nvidiaDriver ? when(gpu.reasons.length > 0, gpu.reasons.join(", ")) : null,
  },
  {
    id: "gpu-unused",
    severity: "warn",
    looksAt: "where a service's model is, and free GPU memory",
    sees: "A model runs on the CPU though the GPU has room",
    why:
      "The engine was built without CUDA or ROCm, did not find the GPU when it started, or was told to use no layers there.",
    mend: "Look for `cuda`, `hip` or `gpu layers` in the service's log, then alexa-loader restart SERVICE",
    check: (facts) => {
      const free = Math.max(0, ...facts.gpu.snapshot?.gpus.map(({ freeMib }) => freeMib) ?? []);
      if (!facts.loader.status || !facts.gpu.snapshot) return null;
      return free < roomMib ? [] : onCpu(facts).map(({ name }) => ({
        what: `${name} is on the CPU while ${free} MiB of the GPU are free`,
        mend: `Look for cuda, hip or gpu layers in ${name}'s log, then alexa-loader restart ${name}`,
      }));
    },
  },
  {
    id: "gpu-full",
    severity: "warn",
    looksAt: "free GPU memory, and what the services need",
    sees: "The GPU's memory will not hold all services",
    why: "Something else holds it (a desktop, another model server), or the models are larger than the GPU.",
    mend: "alexa-loader vram names who holds it: end that, or take a smaller model",
    check: ({ gpu, plan }) => plan && gpu.snapshot ? gpu.short : null,
  },
  {
    id: "gpu-hot",
    severity: "warn",
    looksAt: "NVIDIA's reasons for a lower clock",
    sees: "The GPU is throttled by heat",
    why: "Dust, a dead fan or a closed case: answers take longer than they need to.",
    mend: "Clean and air the GPU; nvidia-smi -q -d PERFORMANCE,TEMPERATURE shows when it is well again",
    check: (facts) => slowedDown(facts, thermal, "heat"),
  },
  {
    id: "gpu-power",
    severity: "warn",
    looksAt: "NVIDIA's reasons for a lower clock",
    sees: "The GPU is slowed down by its power supply",
    why: "The board asked for less power: a weak supply, or a connector that is not seated.",
    mend: "Check the GPU's power connectors and the power supply",
    check: (facts) => slowedDown(facts, powerBrake, "the power brake"),
  },
];
