/** A server that answers as Ollama does: version at once, a list of models, and residency after the first generate. */
import { type HttpPeer, startHttpPeer } from "./http_peer.ts";

export interface OllamaPeer extends HttpPeer {
  /** Bodies of /api/generate. */
  generated: Record<string, unknown>[];
  /** What another client's short keep_alive does. */
  unload(): void;
  /** What another client's own context does, with less room on the GPU than before. */
  reload(context: number, sizeVram?: number): void;
}

export function startOllamaPeer(
  options: { models: string[]; size?: number; sizeVram?: number; unloads?: boolean; tellsContext?: boolean },
): OllamaPeer {
  const resident = new Map<string, number>();
  let sizeVram = options.sizeVram ?? 0;
  const generated: Record<string, unknown>[] = [];
  const full = (name: string) => name.includes(":") ? name : `${name}:latest`;
  const peer = startHttpPeer(({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case "GET /api/version":
        return Response.json({ version: "0.11.4" });
      case "GET /api/tags":
        return Response.json({ models: options.models.map((name) => ({ name, model: name, size: 1 })) });
      case "GET /api/ps":
        return Response.json({
          models: [...resident].map(([name, context]) => ({
            name,
            model: name,
            size: options.size ?? 0,
            size_vram: sizeVram,
            ...(options.tellsContext ? { context_length: context } : {}),
            expires_at: "2318-01-01T00:00:00Z",
          })),
        });
      case "POST /api/generate": {
        const request = JSON.parse(body);
        generated.push(request);
        const model = full(request.model);
        if (!options.models.includes(model)) {
          return Response.json({ error: `model '${request.model}' not found` }, { status: 404 });
        }
        if (!options.unloads) resident.set(model, request.options?.num_ctx ?? 4096);
        return Response.json({ model: request.model, response: "Hello", done: true });
      }
    }
    return new Response("404 page not found", { status: 404 });
  });
  return Object.assign(peer, {
    generated,
    unload: () => resident.clear(),
    reload(context: number, vram = sizeVram) {
      for (const name of resident.keys()) resident.set(name, context);
      sizeVram = vram;
    },
  });
}
