/** Flags that several commands share. */
export const config = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "FILE",
  brief:
    "Configuration; default ./config/loader.yaml, then alexa-loader/loader.yaml in the XDG configuration folder",
} as const;
export const demo = {
  kind: "boolean",
  optional: true,
  brief: "The built-in demo assistant instead of a configuration file",
} as const;
export const json = { kind: "boolean", optional: true, brief: "Print JSON for scripts" } as const;
export const debug = {
  kind: "boolean",
  optional: true,
  brief: "Show DEBUG lines on the console too (files have them always)",
} as const;

/** Of a version of the program that another one executes; see cli/take_over.ts. */
export const takeOver = {
  kind: "parsed",
  parse: String,
  optional: true,
  hidden: true,
  placeholder: "FILE",
  brief: "Go on with what an earlier version hands over",
} as const;
export const rehearse = {
  kind: "boolean",
  optional: true,
  hidden: true,
  brief: "Only say whether it would",
} as const;

/** The positional argument of what concerns one service. */
export const serviceName = { brief: "Name of the service", parse: String, placeholder: "SERVICE" } as const;
export const plain = {
  kind: "boolean",
  optional: true,
  brief: "Log lines only: no board at the bottom of the terminal",
} as const;
