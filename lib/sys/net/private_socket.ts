/** A unix socket that only its owner can reach. Spec: §12. */
import { LoaderError, reasonOf } from "../../errors.ts";
import { kindOf, makePrivateDir, type PathKind, removeIfThere } from "../files/files.ts";
import { closeFds } from "../process/libc.ts";
import { closeQuietly, type ServerSocket } from "./http_server.ts";
import { PeerUids } from "./peer_uid.ts";

const kindWord: Record<Exclude<PathKind, null | "socket">, string> = {
  file: "a file",
  dir: "a folder",
  link: "a symbolic link",
  other: "neither a socket nor a file",
};

export interface PrivateSocket extends ServerSocket {
  /**
   * Why the peer of the connection that was accepted just now is not one of ours (the owner, root); null when it is, or
   * cannot be told. The folder keeps others out; this does too should it be opened to them.
   */
  stranger(): string | null;
}

/**
 * Listens on `path` (mode 0600, in a folder of mode 0700 that is made if need be). A socket that lies there and that
 * nobody listens on is replaced; the caller holds a lock, so that no two try at once. Anything else is left alone: it
 * rejects with a {@link LoaderError} `already_running` when somebody listens there, and `state_unwritable` when something
 * else is in its place or when somebody else could tamper with the folder. `kept`: it listens there already on these
 * descriptors of an earlier version of this program.
 */
export async function bindPrivateSocket(path: string, kept?: readonly number[]): Promise<PrivateSocket> {
  if (kept?.[0] !== undefined) {
    const { keptListener } = await import("./kept_listener.ts");
    closeFds(...kept.slice(1));
    return socketOn(keptListener(kept[0]), path, new PeerUids(`${path}.new`));
  }
  makePrivate(path.slice(0, path.lastIndexOf("/")) || "/");
  const there = kindOf(path);
  if (there !== null && there !== "socket") {
    throw refused(
      path,
      `${kindWord[there]} is in its place`,
      "Look at it, and remove it if nobody needs it.",
    );
  }
  if (there === "socket" && await isServed(path)) {
    // The lock belongs to the state folder; two that differ there can still share this one.
    throw new LoaderError("already_running", `another loader answers at ${path}`, {
      hint: "Stop it, or give this one a name of its own (loader.name).",
    });
  }
  // Bound under another name and moved: the name never shows a socket that is not private yet, and Deno, which on
  // closing removes the name that it bound, cannot hit a socket that has taken the place of ours by then.
  const fresh = `${path}.new`;
  if (kindOf(fresh) === "socket") removeIfThere(fresh);
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: fresh });
    Deno.chmodSync(fresh, 0o600);
    Deno.renameSync(fresh, path);
    return socketOn(listener, path, new PeerUids(fresh));
  } catch (error) {
    listener?.close();
    throw refused(path, reasonOf(error), undefined, error);
  }
}

/** Disposal closes the listener and removes the socket file, if that is still ours. */
function socketOn(listener: ServerSocket["listener"], path: string, peers: PeerUids): PrivateSocket {
  const inode = inodeOf(path);
  return {
    listener,
    stranger() {
      const uid = peers.newest();
      return uid === null || uid === 0 || uid === Deno.uid() ? null : `user ${uid} may not ask`;
    },
    [Symbol.dispose]() {
      closeQuietly(listener);
      if (inode !== null && inodeOf(path) === inode) removeIfThere(path);
    },
  };
}

/** True unless it is certain that nobody listens there. */
async function isServed(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound);
  }
}

/** Makes `folder` one that nobody but its owner can enter, or throws. */
function makePrivate(folder: string): void {
  try {
    makePrivateDir(folder);
    const me = Deno.uid();
    const info = Deno.lstatSync(folder);
    if (!info.isDirectory) throw refused(folder, "it is a symbolic link", "A real folder is needed here.");
    if (info.uid !== me) {
      throw refused(folder, `it belongs to user ${info.uid}`, "Remove it, or use another one.");
    }
    const parent = folder.slice(0, folder.lastIndexOf("/")) || "/";
    // Who may rename things in the folder above could put a socket of his own in our place.
    for (const { uid, mode, isSymlink } of [Deno.lstatSync(parent), Deno.statSync(parent)]) {
      const writable = !isSymlink && (mode! & 0o022) !== 0 && (mode! & 0o1000) === 0;
      if (uid !== me && uid !== 0) throw refused(parent, `it belongs to user ${uid}`);
      if (writable) throw refused(parent, "others may write there", `chmod go-w ${parent}`);
    }
    if ((info.mode! & 0o777) !== 0o700) Deno.chmodSync(folder, 0o700);
  } catch (error) {
    if (error instanceof LoaderError) throw error;
    throw refused(folder, reasonOf(error), undefined, error);
  }
}

function inodeOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).ino;
  } catch {
    return null;
  }
}

function refused(path: string, why: string, hint?: string, cause?: unknown): LoaderError {
  return new LoaderError("state_unwritable", `cannot make the control socket at ${path}: ${why}`, {
    hint,
    cause,
  });
}
