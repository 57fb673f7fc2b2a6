/** Is there a python3 to run the Python services with? */
export const withoutPython: boolean = (() => {
  try {
    return !new Deno.Command("python3", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return true;
  }
})();
if (withoutPython) console.log("No python3 on the PATH: the tests of the Python services are skipped");
