/** Two machines with a cable between them, as network namespaces: needs root and iproute2. */
function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args, stdout: "null", stderr: "piped" }).outputSync();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

export class TwoHosts implements Disposable {
  readonly #id = crypto.randomUUID().slice(0, 6);
  readonly living = `al${this.#id}a`;
  readonly box = `al${this.#id}b`;
  readonly boxAddress = "10.117.0.2";

  constructor() {
    try {
      for (const name of [this.living, this.box]) {
        ip("netns", "add", name);
        ip("-n", name, "link", "set", "lo", "up");
      }
      ip(
        "-n",
        this.living,
        "link",
        "add",
        "cable",
        "type",
        "veth",
        "peer",
        "name",
        "cable",
        "netns",
        this.box,
      );
      ip("-n", this.living, "addr", "add", "10.117.0.1/24", "dev", "cable");
      ip("-n", this.box, "addr", "add", `${this.boxAddress}/24`, "dev", "cable");
      this.heal();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** What runs a program on one of them. */
  on(host: string): string[] {
    return ["ip", "netns", "exec", host];
  }

  /** `near`: at our end, where the way is gone at once; else at the other, whence nothing is heard. */
  cut(near: boolean): void {
    ip("-n", near ? this.living : this.box, "link", "set", "cable", "down");
  }

  heal(): void {
    for (const name of [this.living, this.box]) ip("-n", name, "link", "set", "cable", "up");
  }

  [Symbol.dispose](): void {
    for (const name of [this.living, this.box]) {
      try {
        ip("netns", "del", name);
      } catch { /* was not made */ }
    }
  }
}

/** Why there are none here; null: there are. */
export const noTwoHosts: string | null = (() => {
  if (Deno.uid() !== 0) return "needs root for network namespaces";
  try {
    new TwoHosts()[Symbol.dispose]();
    return null;
  } catch {
    return "no network namespaces here; apt-get install iproute2, or a container that may make them";
  }
})();
