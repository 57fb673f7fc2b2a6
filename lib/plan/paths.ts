/** POSIX paths, without asking the operating system. */

/** `path` from `base`, normalised: absolute paths stay, `.` and `..` are resolved. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : base}/${path}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** A program named by a path is relative to the configuration file; a bare name is looked up in PATH. */
export function resolveArgv(configDir: string, argv: readonly string[]): string[] {
  const [program = "", ...rest] = argv;
  return [program.includes("/") ? resolvePath(configDir, program) : program, ...rest];
}
