/** The demo of a built program, from its start to its greeting to Ctrl-C. */
export interface DemoRun {
  code: number;
  /** All that it printed. */
  output: string;
  errors: string;
}

/** `env`: the whole environment. Whatever `file` is, it must have become the loader: the signal goes to its pid. */
export async function runDemo(
  file: string,
  { env, cwd }: { env: Record<string, string>; cwd: string },
): Promise<DemoRun> {
  const child = new Deno.Command(file, {
    args: ["demo"],
    env,
    clearEnv: true,
    cwd,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let output = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const before = output;
    output += chunk;
    if (!before.includes("READY FOR WAKE WORD") && output.includes("READY FOR WAKE WORD")) {
      child.kill("SIGINT");
    }
  }
  const { code } = await child.status;
  return { code, output, errors: await errors };
}
