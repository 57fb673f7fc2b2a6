/** The configuration reference for people: Markdown tables from the JSON Schema. Pure. */
import { discriminator, flat, type JsonSchema, typeText } from "./json_schema.ts";

const head = `# Configuration

Generated from the schema by \`deno task generate\`. Editors: point the YAML language server at \`config/loader.schema.json\`. Where the file is looked for,
and how to try it: [README](../README.md). What a service may and must answer: [contract](contract.md).`;

/** The page: one table per mapping of the configuration. `schema` is that of `configJsonSchema()`. */
export function configReference(schema: JsonSchema): string {
  const sections: string[] = [head];
  /** Shared mappings (probes) are explained where they appear first. */
  const explained = new Set<string>();

  const describe = (mapping: JsonSchema, title: string, meaning = mapping.description) => {
    const rows = Object.entries(mapping.properties ?? {}).map(([key, property]) =>
      row(key, property, mapping.required?.includes(key) ?? false)
    );
    const about = meaning ? `${meaning}.\n\n` : "";
    sections.push(
      `## ${title}\n\n${about}| key | type | default | meaning |\n|---|---|---|---|\n${rows.join("\n")}`,
    );
    for (const [key, property] of Object.entries(mapping.properties ?? {})) {
      descend(property, `${title} → ${key}`);
    }
  };

  const descend = (property: JsonSchema, title: string) => {
    const shared = [property, ...(property.anyOf ?? [])].map((option) => option.$ref).find((ref) =>
      ref !== undefined
    );
    if (shared !== undefined && explained.has(shared)) return;
    if (shared !== undefined) explained.add(shared);
    for (const option of flat(schema, property)) {
      if (option.type === "array" && option.items) descend(option.items, title);
      if (option.type !== "object" || !option.properties) continue;
      const [name, choice] = discriminator(option);
      const suffix = name === null ? "" : `, ${name}: ${choice!.const}`;
      describe(option, `${title}${suffix}`, choice?.description);
    }
  };

  const row = (key: string, property: JsonSchema, required: boolean) =>
    `| \`${key}\` | ${cell(shortType(schema, property))} | ${
      required ? "**required**" : defaultText(property)
    } | ${cell(property.description ?? "")} |`;

  const { loader = {}, services = {} } = schema.properties!;
  describe(loader, "loader");
  describe(services.additionalProperties as JsonSchema, "services → name", services.description);
  return `${sections.join("\n\n")}\n`;
}

function shortType(root: JsonSchema, property: JsonSchema): string {
  // `type` and `kind` choose between mappings: each has a table of its own.
  return typeText(root, property).replaceAll(/(a mapping|a list of mappings)( or \1)+/g, "$1");
}

function defaultText(property: JsonSchema): string {
  const value = property.default;
  if (value === undefined || JSON.stringify(value) === "{}") return "";
  return `\`${JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** The schema file's text. */
export function schemaText(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
