/**
 * The log: the one-line format, the console, the rotating files, and the relay of services' output. Spec: §7.
 *
 * `Log` is the door. A line of the loader is a string until it is formatted; the output of services stays bytes
 * from the pipe to the file (`assemble` finds the lines, `frame` puts the prefix before them, `clean` is the way
 * round for what is not plain text).
 */
export { type ConsoleWriter } from "./console.ts";
export { formatLine, hasOurForm, type LogLevel, parseOurForm } from "./format.ts";
export { Log, type LogEntry, type LogFileOptions, type LogOptions } from "./log.ts";
export { type KeptRelay, type Relay, type RelaySource } from "./relay.ts";
