/** Real files for the tests of the prewarm, and what the kernel says of them. */
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { servicePlan } from "../../support/fake_service.ts";

const c = Deno.build.os === "linux"
  ? Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    mmap: { parameters: ["u64", "usize", "i32", "i32", "i32", "i64"], result: "u64" },
    munmap: { parameters: ["u64", "usize"], result: "i32" },
    mincore: { parameters: ["u64", "usize", "buffer"], result: "i32" },
    posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  }).symbols
  : null;

function withFile<T>(path: string, use: (fd: number, size: number) => T): T {
  const fd = c!.open(new TextEncoder().encode(path + "\0"), 0);
  if (fd < 0) throw new Error(`cannot open ${path}`);
  try {
    return use(fd, Deno.statSync(path).size);
  } finally {
    c!.close(fd);
  }
}

/** Share of a file's pages that are in the page cache, asked without the code under test. */
export function shareCached(path: string): number {
  return withFile(path, (fd, size) => {
    const address = c!.mmap(0n, BigInt(size), 1, 1, fd, 0n);
    const pages = new Uint8Array(Math.ceil(size / 4096)); // of the smallest size: larger ones fill a part of it
    c!.mincore(address, BigInt(size), pages);
    c!.munmap(address, BigInt(size));
    const count = Math.ceil(size / pageSize);
    return pages.subarray(0, count).filter((flags) => flags & 1).length / count;
  });
}
const pageSize = Deno.build.arch === "aarch64" ? Number(pageSizeText()) : 4096;

function pageSizeText(): string {
  return new TextDecoder().decode(new Deno.Command("getconf", { args: ["PAGESIZE"] }).outputSync().stdout);
}

/** Takes a file, or `length` bytes of it, out of the page cache. */
export function makeCold(path: string, from = 0, length = 0): void {
  using file = Deno.openSync(path, { read: true, write: true });
  file.syncSync();
  withFile(path, (fd) => c!.posix_fadvise(fd, BigInt(from), BigInt(length), 4));
}

/** A folder of its own; `put` writes files below it. */
export class TestFolder implements Disposable {
  readonly dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "prewarm" }));

  put(name: string, content: string | number = 3): string {
    const path = `${this.dir}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, new Uint8Array(content).fill(7));
    return path;
  }

  link(name: string, target: string): string {
    const path = `${this.dir}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.symlinkSync(target, path);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

/** False on file systems that live in memory: nothing can be cold there. */
export const canBeCold: boolean = c !== null && (() => {
  using folder = new TestFolder();
  const path = folder.put("probe.bin", 1 << 20);
  makeCold(path);
  return shareCached(path) < 0.5;
})();

/** A service whose files are to be prepared. */
export function preparedService(changes: Partial<ServicePlan> = {}, globs: string[] = []): ServicePlan {
  return servicePlan("llm", {
    workdir: "/",
    prepare: { files: true, standby: false, globs, tokenizers: true },
    ...changes,
  });
}
