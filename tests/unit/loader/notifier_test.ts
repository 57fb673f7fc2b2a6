import assert from "node:assert/strict";
import { notifier } from "../../../lib/loader/notifier.ts";
import type { Observed } from "../../../lib/loader/observed.ts";
import type { Fact } from "../../../lib/model/events.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { planOf, specText } from "../../support/config_edit.ts";
import { until } from "../../support/strangers.ts";
import { loaderStatus } from "../api/support.ts";
import { givenUp } from "../outward/support.ts";

const begins: Fact[] = [
  { fact: "prechecked", services: 4, gpu: "no GPU" },
  { fact: "took_over", from: "1.0.0", services: 4, gapMs: 9, returned: null },
];
for (const begin of begins) {
  Deno.test(`from ${begin.fact} on people are told, also of what happened while that was loaded`, async () => {
    const heard: { title: string }[] = [];
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      heard.push(await request.json());
      return new Response();
    });
    const plan = planOf(specText), state = Deno.makeTempDirSync({ prefix: "al" });
    const urlSecret = `http://127.0.0.1:${server.addr.port}`;
    await using held = new AsyncDisposableStack();
    const note = notifier({
      plan: {
        ...plan,
        dirs: { ...plan.dirs, state },
        notify: [{ to: { kind: "webhook", urlSecret, tokenFile: null }, quiet: null }],
      },
      status: () => loaderStatus(),
      clock: systemClock,
      held,
    } as Partial<Observed> as Observed);
    note(begin);
    note(givenUp("llm"));
    note({ fact: "stopping", reason: "x", services: [] });
    await until(() => heard.length === 1);
    assert.equal(heard[0]!.title, "llm is down");
    assert.equal(held.disposed, false);
  });
}

Deno.test("without receivers nothing is held, and a boot that ends meanwhile leaves nothing", async () => {
  const held = new AsyncDisposableStack();
  const plan = planOf(specText);
  notifier({ plan, held } as Partial<Observed> as Observed)(begins[0]!);
  const one = {
    to: { kind: "dead_man", urlSecret: "http://127.0.0.1:1", everyMs: 1000 },
    quiet: null,
  } as const;
  notifier({ plan: { ...plan, notify: [one] }, held } as Partial<Observed> as Observed)(begins[0]!);
  await held.disposeAsync(); // while it loads
});
