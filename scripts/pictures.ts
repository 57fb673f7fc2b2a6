/**
 * `deno task pictures`: the pictures of the README, taken of the program as it is: the demo on a terminal, as an SVG that
 * plays. What xterm shows is drawn cell by cell. Needs python3 for the terminal.
 */
import { OnTerminal } from "../tests/support/screen.ts";
import { command, TestHome, until } from "../tests/support/loader_process.ts";

const [rows, columns] = [24, 96];
const cell = { width: 8.4, height: 18 };
const margin = 14;
/** Of each picture that is kept, ms; and how long the last one stays. */
const everyMs = 120, lastMs = 4000;
/** xterm's sixteen, on a dark ground. */
const palette = [
  "#1d1f21",
  "#f2777a",
  "#99cc99",
  "#ffcc66",
  "#6699cc",
  "#cc99cc",
  "#66cccc",
  "#d6d6d6",
  "#808080",
  "#f99157",
  "#b5e0a8",
  "#ffe08a",
  "#8ab4e8",
  "#e0b0e0",
  "#8ae0e0",
  "#ffffff",
];
const [ground, ink] = ["#1d1f21", "#d6d6d6"];

const escaped = (text: string) =>
  text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!);

type Cells = ReturnType<OnTerminal["screen"]["cells"]>;

/** One picture: a line of text for each row, its colours as parts. */
function drawn(cells: Cells): string {
  return cells.map((row, y) => {
    const parts: { text: string; style: string }[] = [];
    for (const { text, color, dim } of row) {
      const style = [color === null ? "" : ` fill="${palette[color]}"`, dim ? ' opacity="0.6"' : ""].join("");
      if (parts.at(-1)?.style === style) parts.at(-1)!.text += text;
      else parts.push({ text, style });
    }
    const spans = parts.map(({ text, style }) =>
      style ? `<tspan${style}>${escaped(text)}</tspan>` : escaped(text)
    );
    const line = spans.join("").trimEnd();
    return line ? `<text y="${margin + (y + 1) * cell.height - 4}">${line}</text>` : "";
  }).join("");
}

/** An SVG that shows each picture for its time, over and over; the last one to whoever shows no motion. */
function film(pictures: { at: number; svg: string }[]): string {
  const [width, height] = [columns * cell.width + 2 * margin, rows * cell.height + 2 * margin];
  const total = pictures.at(-1)!.at + lastMs;
  const share = (ms: number) => (ms / total * 100).toFixed(2);
  const frames = pictures.map(({ at, svg }, i) => {
    const end = pictures[i + 1]?.at ?? total;
    const last = end === total;
    const keys = `@keyframes f${i}{0%{visibility:hidden}${share(at)}%{visibility:visible}` +
      `${last ? "" : `${share(end)}%{visibility:hidden}`}}`;
    return {
      svg: `<g id="f${i}"${last ? "" : ' visibility="hidden"'}>${svg}</g>`,
      css: `${keys}#f${i}{animation:f${i} ${total}ms steps(1,end) infinite}`,
    };
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 ${width} ${height}" role="img" aria-label="The demo boots on a terminal">` +
    `<style>text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:${ink}}` +
    `@media (prefers-reduced-motion:no-preference){${frames.map(({ css }) => css).join("")}}</style>` +
    `<rect width="100%" height="100%" rx="8" fill="${ground}"/>` +
    `<g transform="translate(${margin})">${frames.map(({ svg }) => svg).join("\n")}</g></svg>\n`;
}

if (import.meta.main) {
  await using home = new TestHome();
  const { NO_COLOR: _, ...environment } = home.environment();
  const env = { ...environment, TERM: "xterm-256color", LANG: "C.UTF-8", LC_ALL: "C.UTF-8" };
  const started = performance.now();
  await using terminal = new OnTerminal([...command(), "demo"], { env, rows, columns });
  const pictures: { at: number; svg: string }[] = [];
  const take = () => {
    const svg = drawn(terminal.screen.cells());
    if (svg !== "" && svg !== pictures.at(-1)?.svg) pictures.push({ at: performance.now() - started, svg });
  };
  const timer = setInterval(take, everyMs);
  await until(
    "it to listen",
    () => terminal.screen.lines.at(-1)?.startsWith("You can talk"),
    undefined,
    60_000,
  );
  await terminal.type("\r");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  clearInterval(timer);
  take();
  await terminal.type("\x03");
  await terminal.code;
  const path = new URL("../docs/pictures/demo.svg", import.meta.url).pathname;
  Deno.mkdirSync(new URL("../docs/pictures", import.meta.url), { recursive: true });
  Deno.writeTextFileSync(path, film(pictures).replaceAll(home.dir, "~"));
  console.log(
    `wrote ${path}: ${pictures.length} pictures, ${Math.round(Deno.statSync(path).size / 1024)} KiB`,
  );
}
