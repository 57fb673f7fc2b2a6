import assert from "node:assert/strict";
import { cut, displayWidth, pad, plain, renderTable } from "../../../lib/ui/table.ts";

Deno.test("renderTable() lines columns up, words left and figures right", () => {
  const columns = [{ title: "NAME" }, { title: "MS", align: "right" as const }, { title: "NOTE" }];
  assert.equal(
    renderTable(columns, [["kwd", "420", "warm"], ["a long name", "8", ""], ["stt"]]),
    [
      "NAME          MS  NOTE",
      "kwd          420  warm",
      "a long name    8",
      "stt",
      "",
    ].join("\n"),
  );
});

Deno.test("renderTable() knows how wide characters are", () => {
  const columns = [{ title: "N" }, { title: "X" }];
  assert.equal(
    renderTable(columns, [["日本", "a"], ["e\u0301te\u0301", "b"], ["😀", "c"], ["abcd", "d"]]),
    ["N     X", "日本  a", "e\u0301te\u0301   b", "😀    c", "abcd  d", ""].join("\n"),
  );
});

Deno.test("renderTable() leaves empty columns and empty titles out, and cuts what is too long", () => {
  const columns = [{ title: "", max: 5 }, { title: "" }, { title: "" }];
  assert.equal(renderTable(columns, [["abcdefgh", "", "x"]], { indent: "> " }), "> abcd…  x\n");
  assert.equal(renderTable([{ title: "A" }], []), "A\n");
  assert.equal(renderTable([], []), "");
});

Deno.test("renderTable() colours only when asked, and never moves a column by it", () => {
  const columns = [{ title: "A" }, { title: "B", align: "right" as const }];
  const rows = [[{ text: "ok", style: "green" as const }, { text: "7", style: "red" as const }]];
  assert.equal(renderTable(columns, rows), "A   B\nok  7\n");
  const colored = renderTable(columns, rows, { color: true });
  assert.equal(
    colored,
    "\x1b[1mA \x1b[22m  \x1b[1mB\x1b[22m\n\x1b[32mok\x1b[39m  \x1b[31m7\x1b[39m\n",
  );
});

Deno.test("renderTable() keeps hostile text on its line", () => {
  assert.equal(renderTable([{ title: "A" }], [["x\u001b[2J\ny\u202ez"]]), "A\nx\ufffd[2J\ufffdy\ufffdz\n");
});

Deno.test("displayWidth(), cut() and pad() count columns", () => {
  assert.deepEqual(["", "abc", "日本", "👍", "e\u0301", "█▍"].map(displayWidth), [0, 3, 4, 2, 1, 2]);
  assert.deepEqual([cut("abcdef", 4), cut("abcd", 4), cut("日本語", 4)], ["abc…", "abcd", "日…"]);
  assert.deepEqual([pad("日", 4), pad("日", 4, "right"), pad("abc", 2)], ["日  ", "  日", "abc"]);
  assert.equal(plain("a\tb\u0085c"), "a\ufffdb\ufffdc");
});
