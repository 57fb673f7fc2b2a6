/**
 * Every failure the program expects, with its exit code and the wording around it. Spec: §13.
 *
 * An error says the action, quotes the value, states what was wanted and what is there, and gives a hint.
 */

/** What the program's exit status means to the shell that started it. */
export const ExitCode = {
  /** Stopped cleanly. */
  ok: 0,
  /** A fault of the program itself; never expected. */
  internal: 1,
  /** Wrong usage or wrong configuration. */
  usage: 2,
  /** Precheck: a port, a command, a lock or a GPU is not as the configuration needs it. */
  precheck: 3,
  /** The boot failed. */
  boot: 4,
  /** The command needs a running loader and there is none. */
  notRunning: 5,
  /** Stopped, but something that was started could not be ended. */
  left: 6,
  /** `probe`: only a running loader could tell, and none runs. `selftest`: nothing could be tested. */
  unknowable: 7,
  /** Killed at once by a second signal. */
  killed: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Stable, machine-readable names of what can go wrong. */
export type ErrorCode =
  | "usage"
  | "config_unreadable"
  | "config_invalid"
  | "command_missing"
  | "port_busy"
  | "already_running"
  | "gpu_missing"
  | "vram_short"
  | "precheck_failed"
  | "spawn_failed"
  | "boot_failed"
  | "not_running"
  | "control_failed"
  | "state_unwritable"
  | "unknown_service";

const exitOf: Record<ErrorCode, ExitCode> = {
  usage: ExitCode.usage,
  config_unreadable: ExitCode.usage,
  config_invalid: ExitCode.usage,
  unknown_service: ExitCode.usage,
  command_missing: ExitCode.precheck,
  port_busy: ExitCode.precheck,
  already_running: ExitCode.precheck,
  gpu_missing: ExitCode.precheck,
  vram_short: ExitCode.precheck,
  precheck_failed: ExitCode.precheck,
  state_unwritable: ExitCode.precheck,
  spawn_failed: ExitCode.boot,
  boot_failed: ExitCode.boot,
  not_running: ExitCode.notRunning,
  control_failed: ExitCode.internal,
};

/** An expected failure: one sentence, an optional hint on what to do, and the exit code it leads to. */
export class LoaderError extends Error {
  override name = "LoaderError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): ExitCode {
    return exitOf[this.code];
  }
}

/** The reason in words, whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
