/** Are there descriptors enough for this boot? Better one sentence now than a service that cannot be started. Spec: §4. */
import { LoaderError } from "../errors.ts";
import { descriptorLimit } from "../sys/process/descriptors.ts";

/** What the loader has open itself, with what it keeps back for its stop. The one file begins with a script that knows it, too. */
const ownNeed = 64;
/** Two pipes of its output, one of its end, its notify socket, its log, and a question to it. */
const perService = 6;

/** So many are needed to run so many services. */
export const descriptorsFor = (services: number): number => ownNeed + perService * services;

/** @throws LoaderError `precheck_failed` when so many services cannot be run. `limit`: null where nobody tells. */
export function requireDescriptors(services: number, limit: number | null = descriptorLimit()): void {
  const needed = descriptorsFor(services);
  if (limit === null || limit >= needed) return;
  throw new LoaderError(
    "precheck_failed",
    `raise the limit of open files to at least ${needed}: it is ${limit}`,
    {
      hint: "`ulimit -n 1024` in the shell, `LimitNOFILE=` in a systemd unit",
    },
  );
}
