/** Which processes belong to the running loader's services, for those who look at the GPU from outside. Spec: §5. */
import type { ControlClient } from "../api/client.ts";
import { LoaderError } from "../errors.ts";
import { family } from "../sys/process/procfs.ts";

/** Process trees by service; empty where no loader runs. */
export async function serviceTrees(client: ControlClient | null): Promise<Map<string, Set<number>>> {
  try {
    const services = await client?.status().then((status) => status.services) ?? [];
    return new Map(
      services.filter((service) => service.pid !== null)
        .map((service) => [service.name, new Set(family(service.pid!).map((stat) => stat.pid))]),
    );
  } catch (error) {
    if (error instanceof LoaderError) return new Map();
    throw error;
  }
}
