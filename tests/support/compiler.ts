/** Whether there is a C compiler, for tests that build something small. */
export const hasCompiler: boolean = (() => {
  try {
    return new Deno.Command("cc", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();
