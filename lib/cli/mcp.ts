/** `mcp`: the running loader as tools for a language model, over standard input and output. */
import { connectControl } from "../api/client.ts";
import { mcp as serve } from "../api/mcp.ts";
import { routes } from "../api/registry.ts";
import { controlSocket } from "../api/types.ts";
import { z } from "../api/zod.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { inputLines, print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

export async function mcp(this: Cli, flags: ConfigChoice & { allowActions?: boolean }): Promise<void> {
  const { plan } = await loadPlan(flags);
  const client = connectControl(controlSocket(plan.dirs.runtime), { config: plan.configPath });
  const { stop } = this.signals;
  const answer = serve({
    routes,
    z,
    actions: flags.allowActions ?? false,
    ask: (route, question) =>
      client.ask(route, { ...question, withinMs: route.lasts ? null : 20_000, signal: stop }),
  });
  const under = new Set<Promise<void>>();
  for await (const line of inputLines(stop)) {
    if (line.trim() === "") continue;
    const task: Promise<void> = answer(line).then((text) => text === null ? undefined : print(text))
      .finally(() => under.delete(task));
    under.add(task);
  }
  await Promise.allSettled(under);
}
