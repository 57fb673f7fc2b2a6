/**
 * Writes what is generated: `config/loader.schema.json` and `docs/configuration.md` from the configuration's schema,
 * `docs/machines.md` from the machines' tables, `docs/openapi.json` from the API's routes, `docs/troubleshooting.md` from
 * the doctor's rules. `--check` writes nothing and exits 1 if one of them is not current.
 */
import { openApi } from "../lib/api/openapi.ts";
import { routes } from "../lib/api/registry.ts";
import { configJsonSchema } from "../lib/config/json_schema.ts";
import { configReference, schemaText } from "../lib/config/reference.ts";
import { machinesPage } from "./draw_machines.ts";
import { troubleshootingPage } from "./troubleshooting.ts";

const root = new URL("../", import.meta.url);
const check = Deno.args.includes("--check");
const schema = configJsonSchema();
let stale = false;

update("config/loader.schema.json", schemaText(schema));
update("docs/configuration.md", configReference(schema));
update("docs/machines.md", machinesPage());
update("docs/troubleshooting.md", troubleshootingPage());
update("docs/openapi.json", JSON.stringify(openApi(routes), null, 2) + "\n");

if (stale) {
  console.error("Run `deno task generate` and commit what it writes.");
  Deno.exit(1);
}

function update(path: string, text: string): void {
  const url = new URL(path, root);
  if (text === read(url)) return;
  if (check) {
    console.error(`${path} is not current.`);
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
