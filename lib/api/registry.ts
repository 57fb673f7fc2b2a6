/**
 * All that the API offers. Another route is a file of `routes/` and a line here; these names stay free for what comes:
 * `yield`, `park`, `resume`. Spec: §12.
 */
import type { Route } from "./route.ts";
import { boots, oneBoot } from "./routes/boots.ts";
import { events } from "./routes/events.ts";
import { logs } from "./routes/logs.ts";
import { doctor } from "./routes/doctor.ts";
import { elsewhere } from "./routes/elsewhere.ts";
import { explain } from "./routes/explain.ts";
import { metrics } from "./routes/metrics.ts";
import { openapi } from "./routes/openapi.ts";
import { reload } from "./routes/reload.ts";
import { mute, unmute } from "./routes/mute.ts";
import { restart, start, stopOne } from "./routes/services.ts";
import { services, status } from "./routes/status.ts";
import { stop } from "./routes/stop.ts";
import { takenOver, upgrade } from "./routes/upgrade.ts";
import { vram } from "./routes/vram.ts";

export const routes: readonly Route[] = [
  status,
  services,
  explain,
  elsewhere,
  restart,
  start,
  stopOne,
  stop,
  reload,
  mute,
  unmute,
  events,
  logs,
  boots,
  oneBoot,
  vram,
  doctor,
  metrics,
  upgrade,
  takenOver,
  openapi,
];
