/** What is exported, byte for byte. */
import assert from "node:assert/strict";
import { LoaderError } from "../../../lib/errors.ts";
import { exportable, forms, golden, presets, printed, variables, withImages } from "./support.ts";

for (const [preset, of] of Object.entries(presets)) {
  for (const [form, write] of Object.entries(forms)) {
    if (/-/.test(form.replace("per-", "").replace("-user", "")) && preset !== "containers") continue; // variants, once
    Deno.test(`export of ${preset} as ${form} is its golden, twice, and has no secret in it`, () => {
      const text = printed(write(withImages(of)));
      assert.equal(printed(write(withImages(of))), text);
      assert.equal(text, golden(`${preset}.${form}`, text));
      assert.ok(!text.includes(variables.HF_TOKEN));
      assert.ok(preset === "containers" ? /HF_TOKEN/.test(text) : true, "its name is what the engine needs");
    });
  }
}

Deno.test("a service without an image is an error that says so, and where to write it", () => {
  for (const form of ["compose", "quadlet", "kubernetes"]) {
    assert.throws(() => forms[form]!(presets.specification!), (error) => {
      assert.ok(error instanceof LoaderError && error.exitCode === 2);
      assert.equal(error.message, `export ${form}: no image is known for kwd, stt, llm, tts`);
      assert.match(error.hint!, /^write `image: …` into services\.kwd/);
      return true;
    });
  }
});

Deno.test("a secret that stands in the configuration itself is told of where all of it is passed on", () => {
  const text =
    "loader: { startup_sequence: [a], shutdown_sequence: [a] }\nservices: { a: { cmd: [a], image: i, " +
    'env: { API_KEY: "geheim" }, readiness: { type: tcp, port: 1 } } }\n';
  assert.match(
    printed(forms.kubernetes!(exportable(text))),
    /# Careful: the configuration has the value of API_KEY/,
  );
});

Deno.test("a name that no unit file can say is refused", () => {
  const of = exportable(
    "loader: { startup_sequence: [a], shutdown_sequence: [a] }\n" +
      'services: { a: { cmd: [a], workdir: "/a\\n/b", readiness: { type: tcp, port: 1 } } }',
  );
  assert.throws(() => forms["per-service"]!(of), /cannot stand in a unit file/);
});
