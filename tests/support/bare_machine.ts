/** A machine with next to nothing on it: PATH of coreutils, sh, gzip and tar, an empty home, no Node and no Deno. */
const programs = [
  ..."basename cat chgrp chmod chown cp cut date dd df dirname du env expr false head id install link ln ls"
    .split(" "),
  ..."mkdir mkfifo mknod mktemp mv nl nproc od paste pathchk pr printenv printf pwd readlink realpath rm"
    .split(" "),
  ..."rmdir seq sha256sum sleep sort split stat stty sum sync tac tail tee test timeout touch tr true tty"
    .split(" "),
  ..."uname uniq unlink wc who whoami yes sh gzip tar".split(" "),
];

export interface BareMachine extends Disposable {
  /** Everything below is in here. */
  readonly folder: string;
  readonly home: string;
  /** The whole environment of what runs on it. */
  readonly env: Record<string, string>;
  /** Where the self-extracting file keeps what it unpacked. */
  readonly cache: string;
  /** Names of the entries in there. */
  entries(): string[];
  /** Runs to the end. */
  run(file: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

export function bareMachine(): BareMachine {
  // A short name: sockets in it must fit into their addresses, else all such machines share one folder for them.
  const folder = Deno.makeTempDirSync({ prefix: "al-bare-" });
  const bin = `${folder}/bin`, home = `${folder}/home`, tmp = `${folder}/tmp`, runtime = `${folder}/run`;
  for (const path of [bin, home, tmp, runtime]) Deno.mkdirSync(path, { mode: 0o700 });
  for (const name of programs) {
    const found = ["/usr/bin", "/bin"].map((place) => `${place}/${name}`).find(isThere);
    if (found) Deno.symlinkSync(found, `${bin}/${name}`);
  }
  const env = { PATH: bin, HOME: home, TMPDIR: tmp, XDG_RUNTIME_DIR: runtime, ALEXA_DEMO_PORTS: "any" };
  const cache = `${home}/.cache/alexa-loader`;
  return {
    folder,
    home,
    env,
    cache,
    entries: () => isThere(cache) ? [...Deno.readDirSync(cache)].map((entry) => entry.name).sort() : [],
    async run(file, ...args) {
      const { code, stdout, stderr } = await new Deno.Command(file, {
        args,
        env,
        clearEnv: true,
        cwd: folder,
      })
        .output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
    [Symbol.dispose]() {
      for (const { name } of Deno.readDirSync(folder)) {
        new Deno.Command("chmod", {
          args: ["-R", "u+rwX", `${folder}/${name}`],
          stderr: "null",
        }).outputSync();
      }
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

/** Every file under `folder`, relative. */
export function* filesUnder(folder: string, below = ""): Generator<string> {
  for (const entry of Deno.readDirSync(`${folder}/${below}`)) {
    const path = below + entry.name;
    if (entry.isDirectory) yield* filesUnder(folder, `${path}/`);
    else yield path;
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
