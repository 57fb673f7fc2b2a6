/**
 * Writes what is generated from the configuration's schema: `config/loader.schema.json`, and the configuration
 * reference in `README.md` between its marks. `--check` writes nothing and exits 1 if one of them is not current.
 */
import { configJsonSchema } from "../lib/config/json_schema.ts";
import { beginMark, configReference, schemaText, withReference } from "../lib/config/reference.ts";

const root = new URL("../", import.meta.url);
const check = Deno.args.includes("--check");
const schema = configJsonSchema();
let stale = false;

update("config/loader.schema.json", () => schemaText(schema));
update("README.md", (text) => {
  const whole = text === null ? null : withReference(text, configReference(schema));
  if (whole === null) console.log(`README.md: not there, or without "${beginMark}": no reference written`);
  return whole;
});

if (stale) {
  console.error("Run `deno task generate` and commit what it writes.");
  Deno.exit(1);
}

function update(path: string, wanted: (text: string | null) => string | null): void {
  const url = new URL(path, root);
  const present = read(url);
  const text = wanted(present);
  if (text === null || text === present) return;
  if (check) {
    console.error(`${path} is not what the schema says.`);
    stale = true;
  } else {
    Deno.writeTextFileSync(url, text);
    console.log(`${path}: written`);
  }
}

function read(url: URL): string | null {
  try {
    return Deno.readTextFileSync(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
