/** Appends boots to the history in the folder of its argument for ever, and prints the number of each that is on disk. */
import { openHistory } from "../../lib/metrics/history.ts";
import { bootRecord } from "./boot_records.ts";

const history = openHistory(Deno.args[0]!);
for (let n = Number(Deno.args[1]);; n++) {
  const failed = await history.append(bootRecord(n));
  console.log(failed ?? n);
}
