/** A terminal of a stranger's making that shows what a program writes: xterm without a window. */
import xterm from "@xterm/headless";

const root = new URL("../..", import.meta.url).pathname;

export class Screen {
  #terminal: InstanceType<typeof xterm.Terminal>;

  constructor(rows: number, columns: number) {
    this.#terminal = new xterm.Terminal({ rows, cols: columns, scrollback: 10_000, allowProposedApi: true });
  }

  write(data: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(data, resolve));
  }

  resize(rows: number, columns: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** What is seen now, row by row; a colour is one of the sixteen, null the usual one. */
  cells(): { text: string; color: number | null; dim: boolean }[][] {
    const { buffer, rows, cols } = this.#terminal;
    return Array.from({ length: rows }, (_, y) => {
      const line = buffer.active.getLine(buffer.active.viewportY + y)!;
      return Array.from({ length: cols }, (_, x) => {
        const cell = line.getCell(x)!;
        const color = cell.isFgPalette() && cell.getFgColor() < 16 ? cell.getFgColor() : null;
        return {
          text: cell.getChars() || (cell.getWidth() === 0 ? "" : " "),
          color,
          dim: cell.isDim() !== 0,
        };
      });
    });
  }

  /** All lines with what has scrolled away, wrapped ones joined, without the empty ones at the end. */
  get lines(): string[] {
    const { buffer } = this.#terminal;
    const lines: string[] = [];
    for (let i = 0; i < buffer.active.length; i++) {
      const line = buffer.active.getLine(i)!;
      const text = line.translateToString(true);
      if (line.isWrapped) lines.push((lines.pop() ?? "") + text);
      else lines.push(text);
    }
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }
}

/** A program on a terminal of its own, with a screen that shows it. */
export class OnTerminal implements AsyncDisposable {
  readonly screen: Screen;
  readonly code: Promise<number>;
  #child: Deno.ChildProcess;
  #orders: WritableStreamDefaultWriter<Uint8Array>;
  #shown: Promise<void>;

  constructor(
    argv: readonly string[],
    options: { env: Record<string, string>; cwd?: string; rows?: number; columns?: number },
  ) {
    const { rows = 24, columns = 100, env } = options;
    this.screen = new Screen(rows, columns);
    this.#child = new Deno.Command("python3", {
      args: [`${root}tests/support/on_terminal.py`, `${rows}`, `${columns}`, ...argv],
      cwd: options.cwd ?? root,
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#orders.closed.catch(() => {});
    this.#shown = this.#show();
    this.code = this.#child.status.then(async ({ code }) => {
      await this.#shown;
      return code;
    });
  }

  async #show(): Promise<void> {
    for await (const bytes of this.#child.stdout) await this.screen.write(bytes);
  }

  type(text: string): Promise<void> {
    return this.#order({ write: text });
  }

  async resize(rows: number, columns: number): Promise<void> {
    this.screen.resize(rows, columns);
    await this.#order({ size: [rows, columns] });
  }

  /** What a shell's `fg` does, once the program has stopped. */
  goOn(): Promise<void> {
    return this.#order({ go_on: true });
  }

  signal(name: string): Promise<void> {
    return this.#order({ signal: name });
  }

  async #order(order: unknown): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal("SIGKILL").catch(() => {});
    await this.code;
    await this.#orders.close().catch(() => {});
  }
}
