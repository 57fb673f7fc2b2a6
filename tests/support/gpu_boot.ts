/**
 * Boots with a GPU that is none: the stand-in library, and services that put themselves on it when they start, as CUDA
 * does, and leave it with their end.
 */
import { nvmlStandin, type StandinState } from "./gpu_standin.ts";
import { TestHome } from "./loader_process.ts";
import { fixtures, type Role } from "./scenario.ts";

/** The home of a test with a GPU in it. Memory that is used by nobody who is listed: `usedMib` of the state. */
export class GpuHome extends TestHome {
  readonly #standin;
  /** For the program: where the library is, and a file that stands for the compute device. */
  readonly env: Record<string, string>;

  constructor(state: StandinState = { gpus: [{ usedMib: 300 }] }) {
    super();
    this.#standin = nvmlStandin(state);
    this.env = { ALEXA_NVML_PATH: this.#standin.path, ALEXA_GPU_DEVICE: this.write("uvm", "") };
  }

  get library(): string {
    return this.#standin.path;
  }

  #stateFile(): string {
    return `${this.library}.state`;
  }

  /** A process that lives holds memory from now on. */
  hold(pid: number, mib: number): void {
    this.say(`live 0 ${pid} ${mib * 2 ** 20}`);
  }

  /** A statement for the stand-in: "error <function> <code>", "delay <function> <ms>". */
  say(statement: string): void {
    Deno.writeTextFileSync(this.#stateFile(), `${statement}\n`, { append: true });
  }

  /** Takes all statements back that begin with these words. */
  unsay(beginning: string): void {
    const lines = Deno.readTextFileSync(this.#stateFile()).split("\n").slice(0, -1);
    const kept = lines.filter((line) => !line.startsWith(beginning));
    Deno.writeTextFileSync(`${this.library}.next`, kept.join("\n") + "\n");
    Deno.renameSync(`${this.library}.next`, this.#stateFile());
  }

  /** The command of a fixture service that holds `mib` while it lives; on the CPU in its first `onCpu` lives. */
  cmd(role: Role, mib: number, onCpu = 0): string[] {
    const lives = `${this.dir}/${role}.lives`;
    // A configuration's $$ is one $: this is the shell's own pid, which exec keeps.
    const script = `echo >> ${lives}; [ $(wc -l < ${lives}) -le ${onCpu} ] || ` +
      `printf 'live 0 %d %d\\n' $$$$ ${
        mib * 2 ** 20
      } >> ${this.#stateFile()}; exec python3 ${fixtures}/${role}.py`;
    return ["sh", "-c", script];
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.#standin[Symbol.dispose]();
  }
}
