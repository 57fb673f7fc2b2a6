/** A server that answers as Ollama does: version at once, a list of models, and residency after the first generate. */
import { type HttpPeer, startHttpPeer } from "./http_peer.ts";

export interface OllamaPeer extends HttpPeer {
  /** Bodies of /api/generate. */
  generated: Record<string, unknown>[];
  /** What another client's short keep_alive does. */
  unload(): void;
}

export function startOllamaPeer(
  options: { models: string[]; size?: number; sizeVram?: number; unloads?: boolean },
): OllamaPeer {
  const resident = new Set<string>();
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
          models: [...resident].map((name) => ({
            name,
            model: name,
            size: options.size ?? 0,
            size_vram: options.sizeVram ?? 0,
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
        if (!options.unloads) resident.add(model);
        return Response.json({ model: request.model, response: "Hello", done: true });
      }
    }
    return new Response("404 page not found", { status: 404 });
  });
  return Object.assign(peer, { generated, unload: () => resident.clear() });
}
