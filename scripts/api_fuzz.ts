/**
 * A stranger's fuzzer (PyPI's schemathesis) against the control API of a loader that runs the demo: no crash, no answer
 * that the OpenAPI document does not have. `deno task api-fuzz` sends 5,000 requests and more; `--examples N` so many per
 * route. ALEXA_TEST_PYTHON names a Python that has it.
 */
import { openApi } from "../lib/api/openapi.ts";
import { routes } from "../lib/api/registry.ts";
import { streamsEnd } from "../tests/support/bridge.ts";
import { LoaderProcess, TestHome } from "../tests/support/loader_process.ts";

/** They end what is to be fuzzed, or look at the machine for seconds each time. */
export const leftOut = ["/v1/stop", "/v1/upgrade", "/v1/doctor"];

/** What it says, and how it ended. `examples`: per route; `phases`: more of its own arguments. */
export async function fuzz(
  python: string,
  examples: number,
  phases: string[] = [],
): Promise<{ code: number; text: string; requests: number }> {
  await using home = new TestHome();
  await using loader = new LoaderProcess(home, ["demo"]);
  await loader.waitLine(/READY FOR WAKE WORD/);
  await using bridge = streamsEnd(`${home.runtime}/alexa-loader/demo/control.sock`);
  const schema = home.write("openapi.json", JSON.stringify(openApi(routes)));
  // That a pattern is one of RE2's no schema can say.
  home.write(
    "schemathesis.toml",
    '[[operations]]\ninclude-path = "/v1/logs"\nchecks.positive_data_acceptance.enabled = false\n',
  );
  const args = ["-m", "schemathesis.cli", "run", schema, "--url", `http://127.0.0.1:${bridge.port}`];
  args.push(
    "--max-examples",
    String(examples),
    "--seed",
    "1",
    "--no-color",
    "--workers",
    "4",
    "--continue-on-failure",
  );
  args.push("--request-timeout", "20", "--generation-database", "none");
  // TRACE is no request for whoever makes it an object of the runtime: a 400, where it expects a 405.
  args.push("--exclude-checks", "unsupported_method", ...phases);
  for (const path of leftOut) args.push("--exclude-path", path);
  const run = await new Deno.Command(python, { args, cwd: home.dir }).output();
  const text = new TextDecoder().decode(run.stdout) + new TextDecoder().decode(run.stderr);
  const code = await loader.interrupt();
  if (code !== 0) {
    return {
      code,
      text: `${text}\nthe loader ended with ${code}:\n${loader.log}`,
      requests: bridge.requests,
    };
  }
  return { code: run.code, text, requests: bridge.requests };
}

if (import.meta.main) {
  const at = Deno.args.indexOf("--examples");
  const examples = at < 0 ? 400 : Number(Deno.args[at + 1]);
  const { code, text, requests } = await fuzz(Deno.env.get("ALEXA_TEST_PYTHON") ?? "python3", examples);
  console.log(`${text}\n${requests} requests`);
  Deno.exit(code);
}
