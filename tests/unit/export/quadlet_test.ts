/** Quadlet's form, key by key, by the table of podman-container.unit(5). */
import assert from "node:assert/strict";
import { forms, presets, withImages } from "./support.ts";

const table = new Set(
  Deno.readTextFileSync(new URL("../../fixtures/export/podman_container_keys.txt", import.meta.url)).split(
    /\s+/,
  ),
);
/** The keys that may stand more than once. */
const lists = new Set(["Environment", "Secret", "Volume", "AddDevice"]);

function container(text: string): [key: string, value: string][] {
  const section = /\[Container\]\n([^]*?)\n\n/.exec(text)![1]!;
  return section.split("\n").map((line) => {
    const [, key = "", value = ""] = /^(\w+)=(.*)$/.exec(line)!;
    return [key, value];
  });
}

for (const [preset, of] of Object.entries(presets)) {
  Deno.test(`each container unit of ${preset} has known keys, lists only where lists are, and time enough`, () => {
    const units = forms.quadlet!(withImages(of)).filter(({ name }) => name.endsWith(".container"));
    assert.ok(units.length > 0);
    for (const { name, text } of units) {
      const lines = container(text);
      const keys = lines.map(([key]) => key);
      assert.deepEqual(keys.filter((key) => !table.has(key)), [], name);
      const once = keys.filter((key) => !lists.has(key));
      assert.equal(new Set(once).size, once.length, name);
      const value = (key: string) => lines.find(([own]) => own === key)?.[1];
      for (const key of ["HealthCmd", "HealthStartupCmd"]) {
        if (value(key) !== undefined) assert.equal(JSON.parse(value(key)!)[0], "env");
      }
      const start = Number(/^TimeoutStartSec=([\d.]+)s$/m.exec(text)![1]);
      const first = Number(/^HealthStartupTimeout=([\d.]+)s$/m.exec(text)?.[1] ?? 0);
      assert.ok(start > first, "systemd waits for longer than one check may take");
      if (value("HealthCmd") !== undefined) assert.equal(value("Notify"), "healthy", "the next one waits");
    }
  });
}
