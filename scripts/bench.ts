/**
 * `deno task bench [--only ID,…] [--runs N] [--program FILE] [--beside FILE] [--json FILE]`: how fast the loader is, on this machine, in some
 * minutes. Every experiment is run several times, in turns with the bare Deno programs of `bench/floor.ts`, so that a busy
 * moment meets all of them; medians are shown. What machines share makes noise: compare within one run, never across. `--beside FILE`
 * measures a second built file in turns with the first. `--explain` lists what is done before the first service runs.
 */
import { parseArgs } from "node:util";
import { percentile } from "../lib/metrics/figures.ts";
import { renderTable } from "../lib/ui/table.ts";
import { root } from "./build/info.ts";
import { type Experiment, experiments, metrics, type Sample } from "./bench/figures.ts";
import { BenchError, Workshop } from "./bench/workload.ts";

interface Options {
  chosen: readonly Experiment[];
  runs: number;
  program: string | null;
  beside: string | null;
  json: string | null;
}

function options(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      runs: { type: "string", default: "5" },
      program: { type: "string" },
      beside: { type: "string" },
      explain: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const known = experiments.map((each) => each.id);
  const only = values.explain ? ["start", "explain", "boot"] : values.only?.split(",") ?? known;
  const unknown = only.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new BenchError(`no experiment ${unknown}; there are ${known.join(", ")}`);
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new BenchError(`--runs is not a number: ${values.runs}`);
  return {
    chosen: experiments.filter((each) => only.includes(each.id)),
    runs,
    program: values.program ?? builtFile(),
    beside: values.beside ?? null,
    json: values.json ?? null,
  };
}

/** dist/alexa-loader, where it was built; null: the source is measured. */
function builtFile(): string | null {
  try {
    return Deno.statSync(`${root}dist/alexa-loader`).isFile ? `${root}dist/alexa-loader` : null;
  } catch {
    return null;
  }
}

type Figures = Record<string, number[]>;

async function measure({ chosen, runs, program, beside }: Options): Promise<Figures[]> {
  using shop = new Workshop(program);
  using other = beside === null ? null : new Workshop(beside);
  const shops = other ? [shop, other] : [shop];
  const figures: Figures[] = shops.map(() => ({}));
  // Round 0 counts for nothing: the file unpacks itself, code and configurations get into their caches.
  for (let round = 0; round <= runs; round++) {
    for (const experiment of chosen) {
      if (round > (experiment.runs ?? runs) || (round === 0 && experiment.runs !== undefined)) continue;
      console.error(`${round === 0 ? "first start" : `run ${round} of ${runs}`}: ${experiment.brief}`);
      for (const [i, shop] of shops.entries()) {
        const sample: Sample = await experiment.once(shop);
        if (round > 0) {
          for (const [id, value] of Object.entries(sample)) (figures[i]![id] ??= []).push(value);
        }
      }
    }
  }
  return figures;
}

const digits = (value: number, unit: string) => value.toFixed(unit === "s" || unit === "x" ? 2 : 1);

function table([figures = {}, beside]: Figures[]): string {
  const rows = metrics.filter(({ id }) => figures[id]).map(({ id, brief, unit, most }) => {
    const values = figures[id]!;
    const median = percentile(values, 50)!;
    return [
      brief,
      `${digits(median, unit)} ${unit}`,
      digits(Math.min(...values), unit),
      digits(Math.max(...values), unit),
      ...(beside ? besideCells(beside[id], median, unit) : []),
      most === undefined ? "" : `${median <= most ? "" : "EXCEEDED: "}${most} ${unit}`,
    ];
  });
  return renderTable([
    { title: "", max: 80 },
    { title: "median", align: "right" },
    { title: "least", align: "right" },
    { title: "most", align: "right" },
    ...(beside ? [{ title: "beside", align: "right" }, { title: "ratio", align: "right" }] as const : []),
    { title: "promised" },
  ], rows);
}

function besideCells(values: number[] | undefined, ours: number, unit: string): [string, string] {
  const median = values && percentile(values, 50)!;
  return median === undefined
    ? ["", ""]
    : [digits(median, unit), median === 0 ? "" : (ours / median).toFixed(2)];
}

if (import.meta.main) {
  try {
    const o = options(Deno.args);
    if (o === null) {
      console.log(
        "deno task bench [--only ID,…] [--explain] [--runs N, 5] [--program FILE, dist/alexa-loader] " +
          "[--beside FILE] [--json FILE]",
      );
      for (const { id, brief } of experiments) console.log(`  ${id.padEnd(12)} ${brief}`);
    } else {
      console.error(`Measuring ${o.program ?? "the program from source (deno task build makes the file)"}`);
      const measured = await measure(o);
      const [figures, beside] = measured;
      console.log(table(measured).trimEnd());
      if (o.json) {
        Deno.writeTextFileSync(
          o.json,
          JSON.stringify({ program: o.program, runs: o.runs, figures, beside }, null, 2),
        );
      }
    }
  } catch (error) {
    const expected = error instanceof BenchError ||
      error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    if (!expected) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
