import assert from "node:assert/strict";
import { lockedPackages, sbom } from "../../../scripts/build/sbom.ts";

Deno.test("lockedPackages() follows dependencies to the end", () => {
  const names = [...lockedPackages(["@grpc/grpc-js", "zod"]).keys()].map((key) =>
    key.slice(0, key.lastIndexOf("@"))
  );
  for (const name of ["@grpc/grpc-js", "@grpc/proto-loader", "protobufjs", "zod"]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(!names.includes("fast-check"));
});

Deno.test("lockedPackages() refuses a package that the lock does not have", () => {
  assert.throws(() => lockedPackages(["nowhere"]), /nowhere is not in deno\.lock/);
});

Deno.test("sbom() is CycloneDX with a package address and the lock's hash for each package", () => {
  const document = JSON.parse(sbom(["@stricli/core"], "2026-01-02T03:04:05.000Z"));
  assert.equal(document.bomFormat, "CycloneDX");
  assert.equal(document.metadata.timestamp, "2026-01-02T03:04:05.000Z");
  const stricli = document.components.find((it: { name: string }) => it.name === "@stricli/core");
  assert.match(stricli.purl, /^pkg:npm\/%40stricli\/core@\d/);
  assert.match(stricli.hashes[0].content, /^[0-9a-f]{128}$/);
  assert.equal(sbom(["zod"], null), sbom(["zod"], null));
});
