/** Ready when a connect succeeds. Whose listener that is tells `owner.ts`. Spec: §6; CONTRACT §2. */
import { connectTcp } from "../sys/net/tcp.ts";
import { isLoopback } from "../address.ts";
import { host, hostPort, owner, probeKind } from "./kind.ts";
import { attempt, ready } from "./results.ts";

export const tcp = probeKind({
  type: "tcp",
  schema: (shapes) =>
    shapes.z.strictObject({
      type: shapes.z.literal("tcp").describe(
        "Ready when a connection succeeds and the listener is this service's",
      ),
      host: host(shapes),
      port: shapes.port().describe("Port to connect to"),
      owner: owner(shapes),
    }),
  portOf: hostPort,
  // A connection alone proves nothing, so it is always asked whose it is.
  usualOwner: () => "service",
  rules({ path, raw }, { service: { name, manage } }, found) {
    if (manage !== "spawn" || raw.owner === "any" || typeof raw.host !== "string" || isLoopback(raw.host)) {
      return;
    }
    found.warnings.push({
      path: [...path, "host"],
      at: "value",
      message:
        `${name}: whether the listener on ${raw.host} is the service's own can be checked on this machine only`,
      hint: "write `owner: any` if it runs in a container or on another host",
    });
  },
  plan: ({ host, port }) => ({ host, port }),
  describe: ({ host, port }) => `tcp ${host}:${port}`,
  create: ({ host, port }, _target, { clock, link }) => ({
    check: (options) =>
      attempt(clock, options, async (signal) => {
        using _stream = await connectTcp(host, port, signal, link);
        return ready("connected");
      }),
  }),
});
