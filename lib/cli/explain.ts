/** `explain`: why the running loader's services are as they are. */
import { explain as route } from "../api/routes/explain.ts";
import { LoaderError } from "../errors.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

export async function explain(
  this: Cli,
  flags: ConfigChoice & { json?: boolean },
  service?: string,
): Promise<void> {
  const { client } = await connect(flags);
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
  if (flags.json) return print(JSON.stringify({ ...all, services }, null, 2));
  print([...service === undefined ? [all.text] : [], ...services.map(({ text }) => text)].join("\n"));
}
