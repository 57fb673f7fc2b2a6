/** The plans that are exported in tests: each preset, and one that has everything which an engine may stumble over. */
import fc from "fast-check";
import { demoConfig } from "../../../lib/demo/config.ts";
import { exportCompose } from "../../../lib/export/compose.ts";
import { exportKubernetes, usualLoaderImage } from "../../../lib/export/kubernetes.ts";
import type { ExportedFile } from "../../../lib/export/mod.ts";
import { exportQuadlet } from "../../../lib/export/quadlet.ts";
import { exportPerService, exportSystemd, type SystemdOptions } from "../../../lib/export/systemd.ts";
import { type BootPlan, planBoot } from "../../../lib/plan/mod.ts";
import { factsWith, load, specText } from "../../support/config_edit.ts";

const fixtures = new URL("../../fixtures/export/", import.meta.url);
export const variables = { HF_TOKEN: "hf_a_secret_that_is_never_written", MODELS: "/srv/models" };

export interface Exportable {
  plan: BootPlan;
  options: SystemdOptions;
}

export function exportable(text: string, changes: { demo?: boolean } = {}): Exportable {
  const configPath = changes.demo ? "<demo>" : "/etc/alexa/loader.yaml";
  return {
    plan: planBoot(
      load(text, variables),
      factsWith({ env: variables, configPath, ...(changes.demo ? { instanceHash: () => "demo" } : {}) }),
    ),
    options: {
      program: ["/usr/bin/alexa-loader"],
      resolve: (argv) =>
        argv[0] === "@demo" ? ["/usr/bin/alexa-loader", "demo-service", ...argv.slice(1)] : [...argv],
      choice: changes.demo ? ["--demo"] : ["--config", configPath],
      folder: "/home/me",
      config: { text, variables: text.includes("${MODELS}") ? variables : {} },
      user: true,
      runAs: "alexa",
      systemd: 252,
      path: "/usr/local/bin:/usr/bin:/bin",
    },
  };
}

export const containersText: string = Deno.readTextFileSync(new URL("containers.yaml", fixtures));
/** With an image for each service that has none. */
export function withImages({ plan, options }: Exportable): Exportable {
  const services = plan.services.map((service) =>
    service.manage === "external" ? service : { image: `example.org/${service.name}:1`, ...service }
  );
  return { plan: { ...plan, services }, options };
}

export const presets: Record<string, Exportable> = {
  demo: exportable(demoConfig, { demo: true }),
  specification: exportable(specText),
  containers: exportable(containersText),
};

const kubernetes = { loaderImage: usualLoaderImage, pod: false, gpu: "claim" } as const;
/** Every form, by the name of its golden. */
export const forms: Record<string, (of: Exportable) => ExportedFile[]> = {
  "systemd-user": ({ plan, options }) => exportSystemd(plan, options),
  "systemd-system-255": ({ plan, options }) => exportSystemd(plan, { ...options, user: false, systemd: 255 }),
  "per-service": ({ plan, options }) => exportPerService(plan, options),
  quadlet: ({ plan, options }) => exportQuadlet(plan, options),
  compose: ({ plan, options }) => exportCompose(plan, options),
  kubernetes: ({ plan, options }) => exportKubernetes(plan, { ...options, ...kubernetes }),
  "kubernetes-pod-device-plugin": ({ plan, options }) =>
    exportKubernetes(plan, { ...options, ...kubernetes, pod: true, gpu: "device-plugin" }),
};

/** All files of a form, as `export` prints them. */
export const printed = (files: readonly ExportedFile[]): string =>
  files.map(({ name, text }) => `# ——— ${name} ———\n${text}`).join("");

/** Written anew with UPDATE_GOLDENS=1. */
export function golden(name: string, text: string): string {
  const file = new URL(`${name}.golden`, fixtures);
  if (Deno.env.get("UPDATE_GOLDENS")) Deno.writeTextFileSync(file, text);
  return Deno.readTextFileSync(file);
}

/** Words that mean something to one of the formats, and any others that an argument or a variable may have. */
export const hostileWords: fc.Arbitrary<string[]> = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...[
        "",
        " ",
        "%",
        "%%n",
        "%h",
        "$HOME",
        "${HOME}",
        "$$",
        "$(HOME)",
        "$$(HOME)",
        "\\",
        "\\n",
        "a\\",
        '"',
        "'",
      ],
      ...[
        "#",
        "a # b",
        ";",
        "- a",
        "a: b",
        "no",
        "null",
        "~",
        "1e3",
        "0o7",
        "1:30",
        "!x",
        "&a",
        "*a",
        "{{x}}",
        "|",
      ],
      ...[
        "\n",
        "a\nb\n",
        "\r\n",
        "\t",
        "\x1b[1m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "é",
        "日本",
        "😀",
        "[x]\n[y]",
      ],
    ),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ unit: "binary-ascii", maxLength: 20 }),
  ).map((word) => word.replaceAll("\0", "")), // no argument can have it
  { maxLength: 6 },
);
