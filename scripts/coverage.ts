/**
 * `deno task coverage [FILTER …]`: runs tests as `deno task test` does and prints which lines of lib/ they ran, by room.
 * What runs in a program of its own (the loader in the e2e tests) is not seen.
 */
const root = new URL("..", import.meta.url).pathname;
const dir = Deno.makeTempDirSync();

async function deno(args: string[], stdout: "inherit" | "piped") {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdin: "null",
    stdout,
    stderr: "inherit",
  });
  return await command.spawn().output();
}

interface Lines {
  run: number;
  all: number;
}

/** Lines by room ("lib/log"), out of an lcov report. */
function byRoom(lcov: string): Map<string, Lines> {
  const rooms = new Map<string, Lines>();
  let lines: Lines = { run: 0, all: 0 };
  for (const line of lcov.split("\n")) {
    const [word, value = ""] = line.split(":", 2);
    if (word === "SF") {
      const [, first, second] = value.slice(root.length).split("/");
      const room = second === undefined ? "lib" : `lib/${first}`;
      rooms.set(room, lines = rooms.get(room) ?? { run: 0, all: 0 });
    } else if (word === "LF") lines.all += Number(value);
    else if (word === "LH") lines.run += Number(value);
  }
  return rooms;
}

try {
  const tests = await deno(["run", "-A", "scripts/test.ts", `--coverage=${dir}`, ...Deno.args], "inherit");
  const report = await deno(["coverage", "--lcov", `--include=^file://${root}lib/`, dir], "piped");
  const rooms = byRoom(new TextDecoder().decode(report.stdout));
  const total = [...rooms.values()].reduce(
    (sum, { run, all }) => ({ run: sum.run + run, all: sum.all + all }),
    { run: 0, all: 0 },
  );
  console.log("\nLines of lib/ that the tests ran:");
  for (const [room, { run, all }] of [...rooms].sort(([a], [b]) => a < b ? -1 : 1).concat([["all", total]])) {
    console.log(`  ${room.padEnd(16)} ${(100 * run / all).toFixed(1).padStart(5)} %  ${run} of ${all}`);
  }
  Deno.exitCode = tests.code;
} finally {
  Deno.removeSync(dir, { recursive: true });
}
