/** A language model on another machine, and the cable to it is cut. The long form is `deno task cut-storm`. CONTRACT §1, §9. */
import { cutStorm } from "../support/cut.ts";
import { needsOpenssl, noOpenssl } from "../support/peers/tls_peer.ts";
import { noTwoHosts } from "../support/two_hosts.ts";
import { withoutPython } from "../unit/demo/python.ts";

Deno.test({
  name: "a cut to an external LLM is DEGRADED within two checks, heals by itself, and touches nobody else" +
    needsOpenssl + (noTwoHosts === null ? "" : ` (skipped: ${noTwoHosts})`),
  ignore: withoutPython || noOpenssl || noTwoHosts !== null,
  fn: async () => void await cutStorm({ rounds: 2, cutMs: 4000 }),
});
