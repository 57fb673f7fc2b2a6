/**
 * Makes a service's output harmless: valid UTF-8, no control characters, no escape sequences except (where they
 * are wanted) colours. This is the slow path: plain ASCII lines never come here.
 */
import { parseOurForm, visibleControl } from "./format.ts";

/** The same lines in two forms. `colored` keeps SGR sequences, and each line that has one ends with a reset. */
export interface CleanLines {
  plain: Uint8Array;
  colored: Uint8Array;
}

/*
 * In this order: CSI sequences; OSC, DCS, SOS, PM and APC strings up to their terminator in the same line; any
 * other escape sequence (so of a string that never ends only the introducer goes, and no text is lost); single
 * control characters, C1 among them. One pass, so that removing one sequence cannot put another together.
 */
const unsafe =
  // deno-lint-ignore no-control-regex
  /\x1b\[[0-?]*[ -\/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -\/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// deno-lint-ignore no-control-regex
const color = /^\x1b\[[0-9;:]*m$/;
// deno-lint-ignore no-control-regex
const reset = /\x1b\[0?m$/;
// ignoreBOM: a byte order mark is data like any other here.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Cleans a block of whole lines (each ended by `\n`, no `\r` in it). The result may be the block itself. */
export function cleanLines(block: Uint8Array, wantColor: boolean): CleanLines {
  const text = decoder.decode(block);
  const dirty = text.search(unsafe) >= 0;
  if (!dirty && !text.includes("\ufffd")) return { plain: block, colored: block };
  if (!dirty) {
    const valid = encoder.encode(text);
    return { plain: valid, colored: valid };
  }
  const plainText = text.replace(unsafe, (found) => found.length === 1 ? visibleControl(found) : "");
  const plain = encoder.encode(plainText);
  if (!wantColor || !text.includes("\x1b[")) return { plain, colored: plain };
  return { plain, colored: encoder.encode(colorLines(text, plainText)) };
}

function colorLines(text: string, plainText: string): string {
  const plain = plainText.split("\n");
  const lines = text.split("\n").map((line, i) => {
    const without = plain[i] ?? "";
    if (!line.includes("\x1b[") || parseOurForm(without)) return without; // our form passes only without colours
    const kept = line.replace(unsafe, (found) => {
      if (found.length === 1) return visibleControl(found);
      return color.test(found) ? found : "";
    });
    return kept.includes("\x1b") && !reset.test(kept) ? `${kept}\x1b[0m` : kept;
  });
  return lines.join("\n");
}
