/**
 * `deno task build [--target T] [--compile | --self-extracting] [--runtime FILE] [--output FILE] [--fast]`: the program as
 * one file, dist/alexa-loader. By `deno compile` where its runtime is to be had, else self-extracting.
 */
import { parseArgs } from "node:util";
import { bundle } from "./build/bundle.ts";
import { compile, howToGetDenort } from "./build/compile.ts";
import { BuildError, buildStamp, root } from "./build/info.ts";
import { selfExtracting } from "./build/self_extracting.ts";

export const targets = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
] as const;

export interface BuildOptions {
  target: string;
  /** null: compiled where that is possible. */
  kind: "compiled" | "self-extracting" | null;
  /** A `deno` executable for the target, to be packed into a self-extracting file; null: the one that runs now. */
  runtime: string | null;
  /** Absolute path. */
  output: string;
  /** Packs quickly rather than small. */
  fast: boolean;
}

export interface Built {
  kind: "compiled" | "self-extracting";
  output: string;
  /** What is in it beside the runtime, bytes. */
  payloadBytes: number;
  bytes: number;
}

export async function build(o: BuildOptions, say: (line: string) => void): Promise<Built> {
  const parts = await bundle(buildStamp());
  const payloadBytes = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  await Deno.mkdir(o.output.slice(0, o.output.lastIndexOf("/")), { recursive: true });
  const done = (kind: Built["kind"]): Built => {
    return { kind, output: o.output, payloadBytes, bytes: Deno.statSync(o.output).size };
  };
  if (o.kind !== "self-extracting") {
    const compiled = await compile(parts, o.target, o.output);
    if (compiled.ok) return done("compiled");
    const help = await howToGetDenort(o.target);
    if (o.kind === "compiled") {
      throw new BuildError(
        `deno compile has no runtime to put the program into (${compiled.reason}): ${help}`,
      );
    }
    say(`No runtime for deno compile (${compiled.reason}); building the self-extracting file instead.`);
    say(`For a compiled one: ${help}.`);
  }
  if (o.runtime === null && o.target !== Deno.build.target) {
    throw new BuildError(
      `a self-extracting file for ${o.target} needs its deno executable: name it with --runtime FILE`,
    );
  }
  const runtime = await Deno.readFile(o.runtime ?? Deno.execPath());
  const bytes = await selfExtracting({ parts, runtime, target: o.target, level: o.fast ? 1 : 9 });
  const beside = `${o.output}.new-${Deno.pid}`;
  await Deno.writeFile(beside, bytes, { mode: 0o755 });
  await Deno.chmod(beside, 0o755); // whatever the umask is
  await Deno.rename(beside, o.output);
  return done("self-extracting");
}

/** From a command line. @throws BuildError */
export function buildOptions(args: string[]): BuildOptions {
  const values = parse(args);
  if (values.compile && values["self-extracting"]) {
    throw new BuildError("--compile and --self-extracting exclude each other");
  }
  if (!targets.some((target) => target === values.target)) {
    throw new BuildError(`no such target: ${values.target}; one of ${targets.join(", ")}`);
  }
  return {
    target: values.target,
    kind: values.compile ? "compiled" : values["self-extracting"] ? "self-extracting" : null,
    runtime: values.runtime ?? null,
    output: values.output.startsWith("/") ? values.output : `${Deno.cwd()}/${values.output}`,
    fast: values.fast,
  };
}

function parse(args: string[]) {
  const options = {
    target: { type: "string", default: Deno.build.target },
    compile: { type: "boolean", default: false },
    "self-extracting": { type: "boolean", default: false },
    runtime: { type: "string" },
    output: { type: "string", default: `${root}dist/alexa-loader` },
    fast: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new BuildError(error instanceof Error ? error.message : String(error));
  }
}

if (import.meta.main) {
  try {
    const { kind, output, bytes, payloadBytes } = await build(buildOptions(Deno.args), console.error);
    const mb = (n: number) => `${(n / 1e6).toFixed(2)} MB`;
    console.log(
      `${output}: ${kind}, ${mb(bytes)}, of which the program is ${mb(payloadBytes)} before packing`,
    );
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
