/** Looking at folders without stopping the program: what the search for model files needs, as a small seam. Spec: §9. */

export interface FileFacts {
  kind: "file" | "dir";
  /** Bytes; of a file. */
  size: number;
  /** Device and inode: the same for two names of one file. */
  id: string;
}

export interface FileTree {
  /** What is at `path`, links followed; null for nothing, and for what is neither a file nor a folder. */
  look(path: string): Promise<FileFacts | null>;
  /** Up to `limit` names in a folder, sorted; `link`: a symbolic link. Empty when it cannot be read. */
  list(path: string, limit: number): Promise<{ name: string; link: boolean }[]>;
  /** Text of a file of at most 1 MiB; null when it is larger or cannot be read. */
  text(path: string): Promise<string | null>;
}

const textLimit = 1 << 20;

/** The machine's own files. */
export const fileTree: FileTree = {
  async look(path) {
    try {
      const info = await Deno.stat(path);
      if (!info.isFile && !info.isDirectory) return null;
      return { kind: info.isFile ? "file" : "dir", size: info.size, id: `${info.dev}:${info.ino}` };
    } catch {
      return null;
    }
  },

  async list(path, limit) {
    const entries: { name: string; link: boolean }[] = [];
    try {
      for await (const { name, isSymlink } of Deno.readDir(path)) {
        if (entries.length >= limit) break;
        entries.push({ name, link: isSymlink });
      }
    } catch { /* what was seen until then */ }
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  },

  async text(path) {
    try {
      const info = await Deno.stat(path);
      return info.isFile && info.size <= textLimit ? await Deno.readTextFile(path) : null;
    } catch {
      return null;
    }
  },
};
