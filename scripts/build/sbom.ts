/** The npm packages that are built in, as a CycloneDX list, from deno.lock alone. */
import manifest from "../../deno.json" with { type: "json" };

interface Locked {
  integrity?: string;
  dependencies?: string[];
}

interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, Locked>;
}

/** Every package that `names` (import names of deno.json) need, with what those need. */
export function lockedPackages(names: readonly string[]): Map<string, Locked> {
  const lock: Lock = JSON.parse(Deno.readTextFileSync(new URL("../../deno.lock", import.meta.url)));
  const { npm: packages, specifiers } = lock;
  const imports: Record<string, string> = manifest.imports;
  const found = new Map<string, Locked>();
  const queue = names.map((name) => {
    const specifier = imports[name] ?? "";
    const version = specifiers[specifier];
    if (!version) throw new Error(`${name} is not in deno.lock`);
    return `${specifier.slice("npm:".length, specifier.lastIndexOf("@"))}@${version}`;
  });
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    const locked = packages[key];
    if (!locked) throw new Error(`${key} is not in deno.lock`);
    found.set(key, locked);
    for (const dependency of locked.dependencies ?? []) {
      // A plain name stands for its only version in the lock.
      const exact = packages[dependency]
        ? dependency
        : Object.keys(packages).find((other) => other.slice(0, other.lastIndexOf("@")) === dependency);
      if (!exact) throw new Error(`${dependency}, which ${key} needs, is not in deno.lock`);
      queue.push(exact);
    }
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

/** CycloneDX 1.5 as JSON; the same lock gives the same text. */
export function sbom(names: readonly string[], built: string | null): string {
  const purl = (key: string) =>
    `pkg:npm/${key.slice(0, key.lastIndexOf("@")).replace("@", "%40")}@${
      key.slice(key.lastIndexOf("@") + 1)
    }`;
  const components = [...lockedPackages(names)].map(([key, { integrity }]) => ({
    type: "library",
    "bom-ref": purl(key),
    name: key.slice(0, key.lastIndexOf("@")),
    version: key.slice(key.lastIndexOf("@") + 1),
    purl: purl(key),
    hashes: integrity?.startsWith("sha512-")
      ? [{ alg: "SHA-512", content: Uint8Array.fromBase64(integrity.slice("sha512-".length)).toHex() }]
      : [],
  }));
  const runtime = {
    type: "framework",
    "bom-ref": `deno@${Deno.version.deno}`,
    name: "deno",
    version: Deno.version.deno,
  };
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      ...(built === null ? {} : { timestamp: built }),
      component: { type: "application", name: manifest.name, version: manifest.version },
    },
    components: [runtime, ...components],
  };
  return JSON.stringify(document, null, 2) + "\n";
}
