/** Every code that NVML answers, as one sentence and what to do about it. Spec: §5, §13. */
import type { GpuFailure, GpuFailureKind } from "../types.ts";

type Entry = [name: string, kind: GpuFailureKind, sentence: string, hint: string];

const reload = "wait for the driver to come back, or load it: sudo modprobe nvidia nvidia_uvm";
const reboot =
  "see dmesg for an Xid message; a reset of the GPU (nvidia-smi --gpu-reset) or a reboot is needed";
const update = "install a newer NVIDIA driver";
const bug = "please report it, with the driver's version";

const table: Record<number, Entry> = {
  1: ["UNINITIALIZED", "lost", "the management library is not initialised", reload],
  2: [
    "INVALID_ARGUMENT",
    "not_found",
    "the driver does not know this GPU",
    "see the indexes with: nvidia-smi -L",
  ],
  3: [
    "NOT_SUPPORTED",
    "unsupported",
    "this GPU does not offer what was asked",
    "nothing to be done; it is left out",
  ],
  4: [
    "NO_PERMISSION",
    "unsupported",
    "this user may not ask the driver",
    "add the user to the group that owns /dev/nvidia* (often video)",
  ],
  5: ["ALREADY_INITIALIZED", "driver", "the library is already initialised", bug],
  6: ["NOT_FOUND", "not_found", "no GPU with this UUID is there", "see the UUIDs with: nvidia-smi -L"],
  7: ["INSUFFICIENT_SIZE", "driver", "the driver's answer did not fit into the room given", bug],
  8: [
    "INSUFFICIENT_POWER",
    "driver",
    "the GPU's power cables are not connected properly",
    "switch off and check the external power connectors",
  ],
  9: ["DRIVER_NOT_LOADED", "lost", "the NVIDIA driver is not loaded", reload],
  10: ["TIMEOUT", "timeout", "the driver gave up waiting for the GPU", reboot],
  11: ["IRQ_ISSUE", "driver", "the kernel has an interrupt problem with the GPU", "see dmesg, then reboot"],
  12: ["LIBRARY_NOT_FOUND", "driver", "a library of the driver was not found", "reinstall the NVIDIA driver"],
  13: ["FUNCTION_NOT_FOUND", "unsupported", "the driver does not have this function", update],
  14: [
    "CORRUPTED_INFOROM",
    "driver",
    "the GPU's information memory is corrupted",
    "the GPU may be failing: ask its maker",
  ],
  15: ["GPU_IS_LOST", "lost", "the GPU has fallen off the bus or cannot be reached", reboot],
  16: ["RESET_REQUIRED", "lost", "the GPU needs a reset before it can be used", reboot],
  17: [
    "OPERATING_SYSTEM",
    "driver",
    "the operating system or a control group denies the GPU",
    "see the container's device rules",
  ],
  18: [
    "LIB_RM_VERSION_MISMATCH",
    "lost",
    "the driver's kernel module and its library are of different versions",
    "the driver was updated: reboot, or unload and load the nvidia modules",
  ],
  19: ["IN_USE", "driver", "the GPU is in use and cannot answer this", "try again later"],
  20: ["MEMORY", "driver", "there is not enough main memory to ask the driver", "free some main memory"],
  21: ["NO_DATA", "unsupported", "the driver has no data yet", "try again later"],
  22: [
    "VGPU_ECC_NOT_SUPPORTED",
    "unsupported",
    "this is not possible while ECC is on",
    "switch ECC off: nvidia-smi -e 0",
  ],
  23: [
    "INSUFFICIENT_RESOURCES",
    "driver",
    "the driver ran out of something other than memory",
    "stop other users of the GPU",
  ],
  24: [
    "FREQ_NOT_SUPPORTED",
    "unsupported",
    "this frequency is not offered",
    "nothing to be done; it is left out",
  ],
  25: [
    "ARGUMENT_VERSION_MISMATCH",
    "unsupported",
    "the driver does not know this version of the call",
    update,
  ],
  26: ["DEPRECATED", "unsupported", "the driver does not offer this any more", "update alexa-loader"],
  27: ["NOT_READY", "lost", "the driver is not ready yet", "wait for the GPU to start"],
  28: [
    "GPU_NOT_FOUND",
    "lost",
    "the driver is there and found no GPU",
    "see if the GPU is plugged in and passed through: lspci",
  ],
  29: [
    "INVALID_STATE",
    "lost",
    "the GPU is not in a state to answer",
    "see what resets or reconfigures it (MIG, persistence)",
  ],
  30: ["RESET_TYPE_NOT_SUPPORTED", "driver", "this kind of reset is not offered", "reboot instead"],
  999: ["UNKNOWN", "lost", "the driver had an internal error", reboot],
};

/** All codes that have a sentence of their own. */
export const nvmlCodes: readonly number[] = Object.keys(table).map(Number);

/** What went wrong when `call` answered `code`, as a failure that can be logged. */
export function nvmlFailure(code: number, call: string): GpuFailure {
  const unknown: Entry = [
    `code ${code}`,
    "driver",
    "the driver answered with a code that nobody knows here",
    bug,
  ];
  const [name, failure, sentence, hint] = table[code] ?? unknown;
  const label = table[code] ? `NVML_ERROR_${name}` : name;
  return { failure, code, hint, message: `${sentence} (${call}: ${label})` };
}

/** A failure for the log: "the NVIDIA driver is not loaded (…); wait for …". */
export function failureLine(failure: GpuFailure): string {
  return failure.hint ? `${failure.message}; ${failure.hint}` : failure.message;
}
