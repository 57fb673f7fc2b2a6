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
export const wyomingTest = pythonTest("wyoming.server", "wyoming==1.10.2");

/** What makes tests that need `modules` of the packages `pip`. */
export function pythonTest(modules: string, pip: string) {
  const python = pythonWith(modules);
  return (name: string, fn: (python: string) => Promise<void>): void => {
    const label = python === null ? `${name} (skipped: needs pip install ${pip})` : name;
    Deno.test({ name: label, ignore: python === null, fn: () => fn(python!) });
  };
}
