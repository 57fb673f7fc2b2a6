/**
 * Takes secrets out of what is shown to others: a bundle for a bug report, an answer, a page. What is known for a
 * secret in one place (`HF_TOKEN=…` of a service) is taken out everywhere (a log line that has the bare value). Pure.
 */
import { isRecord } from "./shape.ts";

/** What stands in the place of a secret. */
export const redacted = "[redacted]";

/** Shorter ones are not looked for elsewhere: half of the text would go with them. */
const shortestKnown = 6;
const secretWord =
  "(?:token|secret|passw(?:or)?d|passwd|passphrase|(?<=[_-])pwd|credential|authorization|cookie|key)s?(?:[_-]\\w{1,40})?";
const secretName = new RegExp(`${secretWord}$`, "i");
/** `max_tokens: 512` is a figure, `password: 1234` is not. */
const isFigure = (name: string, value: string) => /tokens?$/i.test(name) && /^\d{1,7}$/.test(value);

/** Everything up to the secret is the first group, the secret the second. */
const patterns: RegExp[] = [
  /(\b[a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/@"'<>]{1,400})(?=@)/gi,
  /(\b(?:bearer|basic)\s+)([\w.~+/=-]{6,4000})/gi,
  /()(-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))/g,
  /()(\b(?:sk|pk|rk)-[\w-]{16,}|\bhf_\w{16,}|\bgh[a-z]_\w{16,}|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{10,}|\bAKIA[A-Z0-9]{12,}|\beyJ[\w-]{8,400}\.[\w-]{8,4000}\.[\w-]*)/g,
];
/** `NAME=value`, `name: "value"`, `--name value`; a header's value goes on to the end of its line. */
const assigned = new RegExp(
  `((?<![\\w.-])(?:--)?([\\w.-]{0,60}?${secretWord})["']?(?:\\s*[=:]\\s*["']?|(?<=--[\\w.-]{1,80})\\s+["']?))` +
    `((?<=(?:authorization|cookie)\\W{1,6})[^\\n"']+|[^\\s"',;&})\\]]+)`,
  "gi",
);

/** True if the value of a variable, a key or an option of this name is a secret. */
export const isSecretName = (name: string): boolean => secretName.test(name);

/** Tell it of all there is with {@link learn}, then have everything {@link value redacted}. */
export class Redactor {
  #known = new Set<string>();

  /** Notes the secrets in this, so that they are found again where nothing says that they are some. */
  learn(value: unknown): void {
    this.#walk(value, (secret) => this.#note(secret));
  }

  /** The text without its secrets. */
  text(text: string): string {
    return this.value(text) as string;
  }

  /** The same data without its secrets: strings, and everything under a secret name. */
  value(value: unknown): unknown {
    return this.#walk(value, () => {});
  }

  #note(secret: string): void {
    // Of `user:password` each part is one.
    for (const part of [secret, ...secret.split(":")]) {
      if (part.length >= shortestKnown && part !== redacted) this.#known.add(part);
    }
  }

  #walk(value: unknown, found: (secret: string) => void, name = ""): unknown {
    if (typeof value === "string") {
      if (!isSecretName(name) || value === "" || isFigure(name, value)) return this.#clean(value, found);
      found(value);
      return redacted;
    }
    if (Array.isArray(value)) {
      return value.map((item, i) => {
        const before: unknown = value[i - 1];
        const option = typeof before === "string" && /^--?[\w.-]+$/.test(before) ? before : name;
        return this.#walk(item, found, option);
      });
    }
    if (isRecord(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          this.#clean(key, () => {}),
          this.#walk(item, found, isSecretName(key) || !isSecretName(name) ? key : name),
        ]),
      );
    }
    return typeof value === "number" && isSecretName(name) && !isFigure(name, String(value))
      ? redacted
      : value;
  }

  #clean(text: string, found: (secret: string) => void): string {
    let clean = text;
    for (const pattern of patterns) {
      clean = clean.replace(pattern, (_, before: string, secret: string) => {
        found(secret);
        return before + redacted;
      });
    }
    clean = clean.replace(assigned, (all, before: string, name: string, secret: string) => {
      if (isFigure(name, secret) || secret.startsWith(redacted)) return all;
      found(secret.replace(/^(?:bearer|basic)\s+/i, ""));
      return before + redacted;
    });
    for (const secret of this.#known) clean = clean.replaceAll(secret, redacted);
    return clean;
  }
}
