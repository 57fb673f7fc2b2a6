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

/** The positional argument of what concerns one service. */
export const serviceName = { brief: "Name of the service", parse: String, placeholder: "SERVICE" } as const;
export const plain = {
  kind: "boolean",
  optional: true,
  brief: "Log lines only: no board at the bottom of the terminal",
} as const;
