/** A Python that has the packages which judge us; tests that need one are skipped by name where there is none. */

/** `ALEXA_TEST_PYTHON`, else `python3`; null where it cannot import `module` or no process may be started. */
function pythonWith(module: string): string | null {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return null;
  const python = Deno.env.get("ALEXA_TEST_PYTHON") ?? "python3";
  try {
    const { success } = new Deno.Command(python, { args: ["-c", `import ${module}`], stderr: "null" })
      .outputSync();
    return success ? python : null;
  } catch {
    return null;
  }
}

/** With the reference library of Wyoming. */
export const wyomingPython = pythonWith("wyoming.server");

/** A test against the reference library. */
export function wyomingTest(name: string, fn: (python: string) => Promise<void>): void {
  const label = wyomingPython === null ? `${name} (skipped: needs pip install wyoming==1.10.2)` : name;
  Deno.test({ name: label, ignore: wyomingPython === null, fn: () => fn(wyomingPython!) });
}
