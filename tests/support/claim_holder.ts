/** Holds a claim until it is ended, and writes into a file that it does: NAME FILE. */
import { claim } from "../../lib/sys/process/claim.ts";

const [name = "", file = ""] = Deno.args;
const held = claim(name);
Deno.writeTextFileSync(file, held ? "held" : "refused");
setInterval(() => held, 60_000);
