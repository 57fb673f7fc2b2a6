/** `explain`: why the running loader's services are as they are. */
import { explain as route } from "../api/routes/explain.ts";
import { elsewhere as elsewhereRoute } from "../api/routes/elsewhere.ts";
import { LoaderError } from "../errors.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import type { Elsewhere } from "../model/elsewhere.ts";
import { print } from "../sys/terminal.ts";
import { printable } from "../text.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

export async function explain(
  this: Cli,
  flags: ConfigChoice & { json?: boolean },
  service?: string,
): Promise<void> {
  const { client, elsewhere } = await connect(flags);
  const all = await client.ask(route, { signal: this.signals.stop });
  const services = all.services.filter(({ service: name, works }) =>
    service === undefined ? !works : name === service
  );
  if (service !== undefined && services.length === 0) {
    const names = all.services.map(({ service }) => service).join(", ");
    throw new LoaderError("unknown_service", `there is no service ${JSON.stringify(service)}`, {
      hint: `services: ${names}`,
    });
  }
  const boxes = elsewhere ? await client.ask(elsewhereRoute, { signal: this.signals.stop }) : [];
  const about = boxes.filter((box) => service === undefined || box.services.includes(service));
  if (flags.json) {
    return print(
      JSON.stringify({ ...all, services, ...about.length > 0 ? { elsewhere: about } : {} }, null, 2),
    );
  }
  const words = [...service === undefined ? [all.text] : [], ...services.map(({ text }) => text)];
  print([...words, ...about.flatMap(boxText).map(printable)].join("\n"));
}

/** What the loader of another machine says of what does not work there, or of what we ask for; or why it says nothing. */
function boxText({ url, services, explanation, problem }: Elsewhere): string[] {
  if (explanation === null) return [`${url} (${services.join(", ")}): its loader does not tell: ${problem}`];
  const off = explanation.services.filter(({ works }) => !works);
  return off.length === 0 ? [`${url}: all of its services are up`] : off.map(({ text }) => `${url}: ${text}`);
}
