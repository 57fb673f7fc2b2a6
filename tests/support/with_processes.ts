/**
 * `Deno.test` for what starts real processes. The fast lane (`deno task test:fast`) may start none and leaves these out;
 * a test that starts one and does not say so fails there.
 */
const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";

export const withProcesses: { test: typeof Deno.test } = {
  test: mayRun ? Deno.test : Deno.test.ignore as typeof Deno.test,
};
