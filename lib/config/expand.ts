/** `~` and `${VAR}` in commands, environment and paths. Spec: §3; CONTRACT §1. Pure. */

import type { Environment, Finding, Path } from "../model/written.ts";
import { quote } from "../text.ts";
import { dotted } from "./problem.ts";

/** The expanded text, or what could not be expanded: `inside` is the offending part as written. */
export type Expansion =
  | { ok: true; text: string }
  | { ok: false; inside: string; name: string | null };

/**
 * Expands a leading `~` (alone or before `/`) to HOME, and every `${VAR}`. `$$` is a literal `$`; a `$` before
 * anything else stands for itself. What a variable holds is not expanded again.
 */
export function expand(text: string, env: Environment): Expansion {
  let result = "";
  let at = 0;
  if (text === "~" || text.startsWith("~/")) {
    if (!env.HOME) return { ok: false, inside: "~", name: "HOME" };
    result = env.HOME;
    at = 1;
  }
  while (at < text.length) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) break;
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === "{") {
      const end = text.indexOf("}", dollar);
      const name = end < 0 ? "" : text.slice(dollar + 2, end);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        return { ok: false, inside: text.slice(dollar, end < 0 ? text.length : end + 1), name: null };
      }
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value === undefined) return { ok: false, inside: `\${${name}}`, name };
      result += value;
      at = end + 1;
    } else {
      result += "$";
      at = dollar + (next === "$" ? 2 : 1);
    }
  }
  return { ok: true, text: result + text.slice(at) };
}

/** Where expansion happens: every command, every environment value, every path. */
const expandable = [
  /^services\.[^.]+\.cmd\[\d+\]$/,
  /^services\.[^.]+\.env\.[^.]+$/,
  /^services\.[^.]+\.workdir$/,
  /^services\.[^.]+\.(readiness|health\.probe)(\[\d+\])?\.cmd\[\d+\]$/,
  /^services\.[^.]+\.warmup\.cmd\[\d+\]$/,
  /^services\.[^.]+\.control\.(speak|pause|resume|player)\[\d+\]$/,
  /^services\.[^.]+\.prepare\.files\[\d+\]$/,
  /^loader\.(state_dir|log_dir)$/,
  /^loader\.selftest\.(player|recorder)\[\d+\]$/,
  /^loader\.notify\[\d+\]\.(exec\[\d+\]|\w+\.(url|topic|token_file))$/,
  /^loader\.port_hygiene\.(unix_sockets|pid_files)\[\d+\]$/,
];

/** A copy of the data as read, with everything expanded that may be, and what could not be. */
export function expandAll(data: unknown, env: Environment): { data: unknown; findings: Finding[] } {
  const findings: Finding[] = [];
  const visit = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => visit(item, [...path, i]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]),
      );
    }
    if (typeof value !== "string" || !/[$~\0]/.test(value)) return value;
    const where = dotted(path);
    if (!expandable.some((pattern) => pattern.test(where))) return value;
    if (value.includes("\0")) {
      findings.push({
        path,
        at: "value",
        message: `${where}: a NUL character cannot be passed to a program`,
      });
      return value;
    }
    const expansion = expand(value, env);
    if (expansion.ok) return expansion.text;
    const { inside, name } = expansion;
    findings.push(
      name === null
        ? {
          path,
          at: "value",
          inside,
          message: `${where}: ${quote(inside)} is not a variable`,
          wanted: "${NAME}",
          hint: "write `$$` for a plain `$`",
        }
        : {
          path,
          at: "value",
          inside,
          message: `${where}: the environment variable ${name} is not set`,
          hint: inside === "~"
            ? "set HOME, or write the whole path"
            : `set ${name}, or write \`$$\` for a plain \`$\``,
        },
    );
    return value;
  };
  return { data: visit(data, []), findings };
}
