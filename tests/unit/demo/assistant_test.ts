import assert from "node:assert/strict";
import { parse } from "yaml";
import { parseConfig } from "../../../lib/config/mod.ts";
import { assistantFiles, ownPorts } from "../../../lib/demo/assistant/mod.ts";
import { presets } from "../../../lib/demo/assistant/presets.ts";

for (const [name, preset] of Object.entries(presets)) {
  for (const room of [false, true]) {
    Deno.test(`the preset ${name} ${room ? "with a room" : "with sound tools"} loads without a warning`, () => {
      const files = assistantFiles({ ...preset, room, home: "~/.cache/alexa-loader/voice" });
      const { path, text } = files[0]!;
      assert.equal(path, "config/loader.yaml");
      assert.ok(!/\{\{|undefined/.test(text), text);
      const { warnings } = parseConfig(text, path, Deno.env.toObject());
      assert.deepEqual(warnings, []);

      const { loader, services } = parse(text);
      const names = Object.keys(services).toSorted();
      assert.deepEqual(loader.startup_sequence.toSorted(), names);
      assert.deepEqual(loader.shutdown_sequence.toSorted(), names);
      for (const [name, port] of Object.entries(loader.port_hygiene.ports)) {
        assert.equal(port, ownPorts[name as "kwd"]);
        assert.equal(services[name].manage, undefined, "of an external service no port must be free");
      }
      // Every script that is started is written, with what it imports.
      for (const [, script] of text.matchAll(/services\/(\w+\.py)/g)) {
        assert.ok(files.some(({ path }) => path === `services/${script}`), text);
      }
    });
  }
}
