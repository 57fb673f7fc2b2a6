/**
 * Kubernetes: one Pod. The services are native sidecars, which start in order; the startup probe of each is its readiness
 * and its warm-up, so that the cluster's own gate means warm. The greeting is the main container. Pure.
 */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { isSecretName } from "../redact.ts";
import { version } from "../version.ts";
import {
  type Contained,
  contained,
  containerConfig,
  inContainer,
  literal,
  lostInContainers,
  models,
  scratch,
} from "./container.ts";
import {
  environmentOf,
  type ExportedFile,
  type ExportOptions,
  gateOf,
  head,
  lostEverywhere,
  named,
  startLimitMs,
  wholeSeconds,
  writtenSecrets,
} from "./mod.ts";
import { yamlText } from "./yaml.ts";

export interface KubernetesOptions extends ExportOptions {
  /** How GPUs are asked for: one claim of the Pod's that its containers share, or a count of each container. */
  gpu: "claim" | "device-plugin";
  /** The image that has our program, as /usr/bin/alexa-loader. */
  loaderImage: string;
  /** A bare Pod instead of a Deployment. */
  pod: boolean;
}

export const usualLoaderImage = `localhost/alexa-loader:${version}`;
const program = `${scratch}/alexa-loader`;
/** The program takes its time to start, in each check, ms. */
const spareMs = 5000;
/** A Deployment of one needs nothing more. */
const gpuClaim = "gpu";

export function exportKubernetes(plan: BootPlan, o: KubernetesOptions): ExportedFile[] {
  const services = contained(plan, "kubernetes");
  const name = named(plan.instance);
  const labels = { "app.kubernetes.io/name": "alexa-loader", "app.kubernetes.io/instance": name };
  const metadata = { name, labels };
  const onGpu = services.filter(({ gpu }) => gpu !== "none");
  const shared = onGpu.length > 0 && o.gpu === "claim";
  const config = containerConfig(o);
  const mounts = [
    { name: "loader", mountPath: scratch },
    ...(config === null ? [] : [{ name: "config", mountPath: config.slice(0, config.lastIndexOf("/")) }]),
  ];
  const pod = {
    terminationGracePeriodSeconds: wholeSeconds(plan.shutdown.budgetMs),
    initContainers: [
      {
        name: named("program"),
        image: o.loaderImage,
        command: ["cp", "/usr/bin/alexa-loader", program],
        volumeMounts: mounts.slice(0, 1),
      },
      ...services.map((service) => sidecar(service, o, name, mounts)),
    ],
    containers: [{
      name: named("greeting"),
      image: o.loaderImage,
      command: inContainer(o, "greeting", ["greet", "--wait", "--stay"], program),
      env: variables(Object.entries(o.config.variables), name),
      volumeMounts: mounts,
    }],
    resourceClaims: shared ? [{ name: gpuClaim, resourceClaimTemplateName: `${name}-gpu` }] : undefined,
    volumes: [
      { name: "loader", emptyDir: {} },
      ...(config === null ? [] : [{ name: "config", configMap: { name: `${name}-config` } }]),
      { name: "models", persistentVolumeClaim: { claimName: models.volume } },
    ],
  };
  const file = config?.slice(config.lastIndexOf("/") + 1) ?? "";
  const documents = [
    ...(config === null ? [] : [{
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...metadata, name: `${name}-config` },
      data: { [file]: o.config.text },
    }]),
    ...(shared
      ? [{
        apiVersion: "resource.k8s.io/v1",
        kind: "ResourceClaimTemplate",
        metadata: { ...metadata, name: `${name}-gpu` },
        spec: {
          spec: {
            devices: { requests: [{ name: gpuClaim, exactly: { deviceClassName: "gpu.nvidia.com" } }] },
          },
        },
      }]
      : []),
    o.pod ? { apiVersion: "v1", kind: "Pod", metadata, spec: pod } : {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1, // two would hear the same voice
        strategy: { type: "Recreate" }, // the new one needs the ports and the GPU of the old one
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: pod },
      },
    },
  ];
  const text = yamlText(head(plan, usage(plan, services, o, name), lost(plan, services)), documents);
  return [{ name: `${name}.yaml`, text }];
}

function sidecar(
  service: Contained,
  o: KubernetesOptions,
  pod: string,
  mounts: readonly object[],
): object {
  const { health, warmup, gpu } = service;
  const asked = gateOf(service) === "probe";
  const ask = (...words: string[]) => ({ command: inContainer(o, service.name, words, program) });
  const { plain, secret } = environmentOf(service, o.config.variables);
  const warms = warmup.kind !== "none";
  return {
    name: service.name.replaceAll("_", "-").replace(/-+$/, ""),
    image: service.image,
    restartPolicy: "Always", // an init container that stays: the next one starts when its startup probe has passed
    command: o.resolve(service.argv).map(literal),
    env: variables([...plain, ...secret.map((name): [string, string] => [name, ""])], pod),
    resources: gpu === "none"
      ? undefined
      : o.gpu === "claim"
      ? { claims: [{ name: gpuClaim }] }
      : { limits: { "nvidia.com/gpu": 1 } },
    startupProbe: asked
      ? {
        exec: warms ? ask("warm", service.name) : ask("probe", service.name),
        periodSeconds: 1,
        timeoutSeconds: wholeSeconds((warms ? warmup.timeoutMs : health.timeoutMs) + spareMs),
        failureThreshold: wholeSeconds(startLimitMs(service)),
      }
      : undefined,
    livenessProbe: asked && health.probes.length > 0
      ? {
        exec: ask("probe", service.name, "--health"),
        periodSeconds: wholeSeconds(health.intervalMs),
        timeoutSeconds: wholeSeconds(health.timeoutMs + spareMs),
        failureThreshold: health.failures,
      }
      : undefined,
    volumeMounts: [...mounts, { name: "models", mountPath: models.path }],
  };
}

/** Values that are secrets are the cluster's to keep. */
function variables(all: readonly [string, string][], pod: string): object[] {
  return all.map(([name, value]) =>
    isSecretName(name)
      ? { name, valueFrom: { secretKeyRef: { name: `${pod}-secrets`, key: name } } }
      : { name, value: literal(value) }
  );
}

function usage(
  plan: BootPlan,
  services: readonly ServicePlan[],
  o: KubernetesOptions,
  name: string,
): string[] {
  const secrets = [
    ...new Set([
      ...Object.keys(o.config.variables),
      ...plan.services.flatMap(({ env }) => Object.keys(env)),
    ]),
  ].filter(isSecretName);
  const onGpu = services.filter(({ gpu }) => gpu !== "none").map(({ name }) => name);
  return [
    "kubectl apply --filename FILE; Kubernetes 1.34 or later (1.33 with --gpu=device-plugin).",
    `The image ${o.loaderImage} is yours to build: FROM debian:stable-slim, COPY alexa-loader /usr/bin/ (the one file).`,
    "It runs in the services' containers, too: they need a C library like Debian's, sh, env, gzip and tar.",
    `Model files: a PersistentVolumeClaim ${models.volume}, at ${models.path} in each container.`,
    ...(secrets.length > 0
      ? [
        `kubectl create secret generic ${name}-secrets ${
          secrets.map((key) => `--from-literal=${key}=…`).join(" ")
        }`,
      ]
      : []),
    ...writtenSecrets(plan, o),
    ...(onGpu.length === 0 ? [] : o.gpu === "claim"
      ? [
        `One GPU for the Pod, shared by ${
          onGpu.join(", ")
        }: dynamic resource allocation, with its driver on the node.`,
      ]
      : [
        `Each of ${
          onGpu.join(", ")
        } asks for a GPU, and Kubernetes adds them up: the Pod needs ${onGpu.length} on one node, or a`,
        `device plugin that shares one in ${onGpu.length} parts or more (time slicing, MPS). Without --gpu=device-plugin it is one claim.`,
      ]),
  ];
}

function lost(plan: BootPlan, services: readonly ServicePlan[]): string[] {
  const signals = services.filter(({ stopSignal }) => stopSignal !== "SIGTERM");
  return [
    ...lostEverywhere(plan),
    "The restart policy: a sidecar is started again for ever, after waits that double up to 5 minutes.",
    "Going on without a service that does not come up: those after it are not started.",
    "A grace of its own for each service: they share the Pod's.",
    ...signals.map(({ name, stopSignal }) =>
      `${name} is stopped by its image's signal, not by ${stopSignal}.`
    ),
    ...lostInContainers(plan, false),
    ...(plan.services.some(({ manage }) => manage === "external")
      ? ["127.0.0.1 as this machine: it is the Pod, so what somebody else runs needs an address."]
      : []),
  ];
}
