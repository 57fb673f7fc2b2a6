/** Commands that write a plan for other engines, and put systemd's unit in its place. */
import { buildCommand, buildRouteMap } from "@stricli/core";
import { config, demo } from "./flags.ts";

const text = (placeholder: string, brief: string) =>
  ({ kind: "parsed", parse: String, optional: true, placeholder, brief }) as const;
const flag = (brief: string) => ({ kind: "boolean", optional: true, brief }) as const;
const program = text("FILE", "The program on the target; this one when left out");
const common = { config, demo, program, out: text("DIR", "Write files into DIR instead of printing them") };
const onSystemd = {
  user: flag("For the user's own manager instead of the machine's"),
  systemd: {
    kind: "parsed",
    parse: (text: string) => {
      if (!/^[1-9]\d{1,3}$/.test(text)) throw new Error("a version of systemd, as 252");
      return Number(text);
    },
    optional: true,
    placeholder: "N",
    brief: "The target's version; this machine's when left out",
  } as const,
};
const lost = "What it cannot carry over stands in its comments.";

const exporting = buildRouteMap({
  routes: {
    systemd: buildCommand({
      loader: async () => (await import("../export.ts")).systemd,
      parameters: {
        flags: {
          ...common,
          ...onSystemd,
          perService: flag("One unit for each service: systemd itself supervises, asking by probe and warm"),
        },
      },
      docs: { brief: "A hardened unit for the loader, or one for each service", fullDescription: lost },
    }),
    compose: buildCommand({
      loader: async () => (await import("../export.ts")).compose,
      parameters: { flags: common },
      docs: {
        brief: "Docker Compose: each service healthy (ready and warm) before the next",
        fullDescription: `Every service needs \`image:\`. ${lost}`,
      },
    }),
    quadlet: buildCommand({
      loader: async () => (await import("../export.ts")).quadlet,
      parameters: { flags: { ...common, ...onSystemd } },
      docs: {
        brief: "Podman 5's container units for systemd",
        fullDescription: `Every service needs \`image:\`. ${lost}`,
      },
    }),
    kubernetes: buildCommand({
      loader: async () => (await import("../export.ts")).kubernetes,
      parameters: {
        flags: {
          ...common,
          gpu: {
            kind: "enum",
            values: ["claim", "device-plugin"],
            optional: true,
            brief: "One claim that the Pod's containers share (default), or a count of each container",
          },
          pod: flag("A bare Pod instead of a Deployment"),
          loaderImage: text("IMAGE", "The image that has /usr/bin/alexa-loader"),
        },
      },
      docs: {
        brief: "One Pod: services as sidecars in order, gated by readiness and warm-up, then the greeting",
        fullDescription: `Every service needs \`image:\`. ${lost}`,
      },
    }),
  },
  docs: { brief: "Write the same plan for systemd, Compose, Quadlet or Kubernetes" },
});

const place = {
  config,
  demo,
  program,
  system: flag("The machine's systemd instead of your own"),
  dryRun: flag("Show what would be done"),
};
export const install = buildCommand({
  loader: async () => (await import("../install.ts")).install,
  parameters: { flags: place },
  docs: {
    brief: "Put a systemd unit for this configuration in its place, and enable it",
    fullDescription: "What `export systemd --user` writes. It is not started yet; uninstall undoes it.",
  },
});
export const uninstall = buildCommand({
  loader: async () => (await import("../install.ts")).uninstall,
  parameters: { flags: place },
  docs: { brief: "Stop and remove the unit that install put there" },
});
export { exporting as export };
