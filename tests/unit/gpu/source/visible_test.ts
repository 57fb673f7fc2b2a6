import assert from "node:assert/strict";
import { visibleGpus } from "../../../../lib/gpu/source/visible.ts";

const all = [0, 1, 2].map((index) => ({ index, uuid: `GPU-${"abc"[index]}${index}` }));
const seen = (visible?: string) => visibleGpus(all, visible).map((g) => g.index).join("");

Deno.test("visibleGpus() reads CUDA_VISIBLE_DEVICES as CUDA does", () => {
  const cases: [string | undefined, string][] = [
    [undefined, "012"],
    ["0,1,2", "012"],
    ["2, 0", "20"],
    ["GPU-b1,0", "10"],
    ["GPU-b", "1"],
    ["gpu-B1", "1"],
    ["", ""],
    ["-1", ""],
    ["0,-1,1", "0"],
    ["0,7,1", "0"],
    ["1,1", ""],
    ["0,GPU-a0", ""],
    ["GPU-", ""],
    ["none", ""],
    ["MIG-x", ""],
  ];
  for (const [value, expected] of cases) assert.equal(seen(value), expected, `"${value}"`);
});
