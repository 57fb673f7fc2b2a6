/**
 * The loader's own interface while it runs: HTTP on a unix socket in the instance's runtime folder, used by `status`,
 * `restart`, `stop` and `vram`. Spec: §12. The paths are versioned; answers only ever gain fields within a version.
 */
export { connectControl, type ControlClient, type ControlClientOptions } from "./client.ts";
export { type ControlServerOptions, serveControl } from "./server.ts";
export { controlSocket, type ControlTarget, type Outcome } from "./types.ts";
