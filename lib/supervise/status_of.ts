/** One service as `status` tells it. Spec: §12. */
import type { ServicePlan } from "../model/plan.ts";
import type { GpuCoordinator } from "../gpu/coordinator.ts";
import { percentile } from "../metrics/figures.ts";
import type { ServiceStatus } from "../model/status.ts";
import type { Supervisor } from "./supervisor.ts";
import { faultText } from "./wording.ts";

/** Of a service that nothing was made for yet. */
export function plannedStatus({ name, role, bindPort }: ServicePlan): ServiceStatus {
  return {
    name,
    role,
    state: "idle",
    desired: "down",
    pid: null,
    port: bindPort,
    up_sec: null,
    ready_ms: null,
    restarts: 0,
    problem: null,
    says: null,
    adopted: false,
    vram_mib: null,
    on_cpu: false,
  };
}

export function serviceStatus(
  supervisor: Supervisor,
  now: number,
  gpu: GpuCoordinator | null,
): ServiceStatus {
  const { service: { copy }, standing } = supervisor;
  return {
    name: supervisor.name,
    role: supervisor.plan.role,
    state: supervisor.state.actual,
    desired: supervisor.isOff ? "stopped" : supervisor.state.desired,
    pid: supervisor.service.pid(),
    port: supervisor.plan.bindPort,
    up_sec: supervisor.isUp && standing.upAt !== null ? Math.round((now - standing.upAt) / 100) / 10 : null,
    ready_ms: standing.readyMs === null ? null : Math.round(standing.readyMs * 10) / 10,
    restarts: standing.restartCount,
    problem: standing.wrong ?? (supervisor.state.fault ? faultText(supervisor.state.fault) : null),
    says: copy?.statusText ?? null,
    adopted: standing.adopted,
    vram_mib: gpu?.heldBy(supervisor.name) ?? null,
    on_cpu: gpu?.isOnCpu(supervisor.name) ?? false,
    ...supervisor.service.external && standing.checks.length > 0
      ? {
        latency_ms: { last: tenths(standing.checks.at(-1)!), p95: tenths(percentile(standing.checks, 95)!) },
      }
      : {},
  };
}

const tenths = (ms: number) => Math.round(ms * 10) / 10;
