/** Ports, and who can reach what. */
import { type Rule, when } from "../rule.ts";

const closeIt = (what: string, port: number) =>
  what === "Ollama"
    ? "Set OLLAMA_HOST=127.0.0.1 in its environment (sudo systemctl edit ollama) and restart it"
    : `Let it listen on 127.0.0.1, or close the port: sudo ufw deny ${port}/tcp`;

export const netRules: Rule[] = [
  {
    id: "port-unit",
    severity: "fail",
    looksAt: "who listens on the services' ports",
    sees: "A port of a service is held by a systemd unit",
    why: "The package of an engine brings a unit that starts it at boot. Ended by hand, it comes back.",
    mend: "sudo systemctl disable --now UNIT, or `manage: external` for the service",
    check: ({ plan, net }) =>
      plan
        ? net.held.filter(({ unit }) => unit !== null).map(({ port, services, holder, unit }) => ({
          what: `port ${port} (${services.join(", ")}) is held by ${holder}`,
          mend: `${unit!.user ? "systemctl --user" : "sudo systemctl"} disable --now ${
            unit!.name
          }, or \`manage: external\` for ${services[0]}`,
        }))
        : null,
  },
  {
    id: "port-held",
    severity: "fail",
    looksAt: "who listens on the services' ports",
    sees: "A port of a service is held by a stranger",
    why:
      "Another program, or an earlier copy that was started by hand. The loader ends only what it has started.",
    mend: "End it (kill PID), or give the service another port",
    check: ({ plan, net }) =>
      plan
        ? net.held.filter(({ unit }) => unit === null).map(({ port, services, holder, pid }) => ({
          what: `port ${port} (${services.join(", ")}) is held by ${holder || "somebody who cannot be seen"}`,
          mend: pid === null ? `sudo ss -ltnp 'sport = :${port}' shows who: end it` : `kill ${pid}`,
        }))
        : null,
  },
  {
    id: "port-shared",
    severity: "fail",
    looksAt: "the ports in the configuration",
    sees: "Two services have the same port",
    why: "The second one cannot bind it, or is taken for ready because the first one answers.",
    mend: "Give each service a port of its own",
    check: ({ plan }) => {
      if (!plan) return null;
      const bound = plan.services.filter(({ manage, bindPort }) => manage === "spawn" && bindPort !== null);
      return [...Map.groupBy(bound, ({ bindPort }) => bindPort)].filter(([, { length }]) => length > 1)
        .map(([port, services]) =>
          `port ${port} is that of ${services.map(({ name }) => name).join(" and ")}`
        );
    },
  },
  {
    id: "server-public",
    severity: "fail",
    looksAt: "listening sockets, and the machine's addresses",
    sees: "A model server without a key listens on an address of the internet",
    why:
      "Everybody may use, read and replace its models; such servers are found by scans within hours. A firewall may stand before it, which cannot be seen from here.",
    mend: "Let it listen on 127.0.0.1 (Ollama: OLLAMA_HOST=127.0.0.1)",
    check: ({ net }) => {
      const [address] = net.publicAddresses;
      return address === undefined ? null : net.open.map(({ port, what }) => ({
        what: `${what} answers without a key on port ${port}, and this machine has the address ${address}`,
        mend: closeIt(what, port),
      }));
    },
  },
  {
    id: "server-open",
    severity: "warn",
    looksAt: "listening sockets of model servers",
    sees: "A model server without a key listens on all addresses",
    why: "Whoever is in the same network may use it, and with some load and remove models.",
    mend: "Let it listen on 127.0.0.1 (Ollama: OLLAMA_HOST=127.0.0.1), or close the port in the firewall",
    check: ({ net }) =>
      net.open.map(({ port, what, address }) => ({
        what: `${what} answers without a key on ${address}:${port}`,
        mend: closeIt(what, port),
      })),
  },
  {
    id: "net-loopback",
    severity: "fail",
    looksAt: "the machine's addresses",
    sees: "127.0.0.1 is not there",
    why:
      "The loopback interface is down (a container or network namespace without it): no service can be reached.",
    mend: "sudo ip link set lo up",
    check: ({ net }) => when(!net.loopback, "no interface has the address 127.0.0.1"),
  },
  {
    id: "net-proxy",
    severity: "warn",
    looksAt: "HTTP_PROXY, ALL_PROXY and NO_PROXY",
    sees: "A proxy is set, and loopback is not exempt from it",
    why:
      "The loader itself never uses one for loopback, but services that talk to each other ask the proxy for 127.0.0.1.",
    mend: "export NO_PROXY=localhost,127.0.0.1,::1",
    check: ({ net }) =>
      net.proxy
        ? when(!net.proxy.sparesLoopback, `the proxy ${net.proxy.address} is used for 127.0.0.1, too`)
        : null,
  },
];
