/** The relay as simple as it can be written: a byte at a time, then a character at a time. What the fast one is compared with. */

/** What happens to a stream: bytes come, or it is flushed. */
export type StreamEvent = Uint8Array | "flush";

/** The raw lines of a stream. */
function rawLines(events: StreamEvent[], limit: number): number[][] {
  const lines: number[][] = [];
  let line: number[] = [];
  let returned = false;
  let flushed = false;
  const emit = () => {
    lines.push(line);
    line = [];
  };
  for (const event of events) {
    if (event === "flush") {
      if (line.length > 0) {
        emit();
        flushed = true;
        returned = false;
      }
      continue;
    }
    for (const byte of event) {
      if (byte === 10) {
        if (line.length > 0 || !flushed) emit();
        returned = flushed = false;
      } else if (byte === 13) returned = true;
      else {
        if (returned) line = [];
        returned = flushed = false;
        if (line.length === limit) {
          let begun: number[] = [];
          if (byte >= 0x80 && byte < 0xc0) {
            for (let back = 1; back <= 3 && back < limit; back++) {
              if (line[limit - back]! < 0x80) break;
              if (line[limit - back]! >= 0xc0) {
                begun = line.splice(limit - back);
                break;
              }
            }
          }
          emit();
          line = begun;
        }
        line.push(byte);
      }
    }
  }
  if (line.length > 0) emit();
  return lines;
}

const within = (character: string | undefined, from: string, to: string) =>
  character !== undefined && character >= from && character <= to;

/** Length of the escape sequence that begins at `at`; 0 if it is none. */
function escapeLength(text: string, at: number): number {
  const kind = text[at + 1];
  if (kind === "[") {
    let i = at + 2;
    while (within(text[i], "0", "?")) i++;
    while (within(text[i], " ", "/")) i++;
    if (within(text[i], "@", "~")) return i + 1 - at;
  }
  if (kind !== undefined && "]PX^_".includes(kind)) {
    for (let i = at + 2; i < text.length; i++) {
      if (text[i] === "\x07") return i + 1 - at;
      if (text[i] === "\x1b") {
        if (text[i + 1] === "\\") return i + 2 - at;
        break;
      }
    }
  }
  let i = at + 1;
  while (within(text[i], " ", "/")) i++;
  return within(text[i], "0", "~") ? i + 1 - at : 0;
}

function cleaned(raw: number[]): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(raw));
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const escape = code === 0x1b ? escapeLength(text, i) : 0;
    if (escape > 0) i += escape - 1;
    else if (code < 0x20 && code !== 9) out += String.fromCharCode(0x2400 + code);
    else if (code === 0x7f) out += "␡";
    else if (code >= 0x80 && code < 0xa0) out += "\ufffd";
    else out += text[i];
  }
  return out;
}

/** The lines of a stream, as a listener gets them. */
export function referenceLines(events: StreamEvent[], limit: number): string[] {
  return rawLines(events, limit).map(cleaned);
}
