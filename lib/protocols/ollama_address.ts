/** Where Ollama is, when only the environment can tell. CONTRACT §4. */

type Variables = Readonly<Record<string, unknown>>;

const defaultPort = 11_434;

/**
 * Ollama's origin: `OLLAMA_HOST` of the service, else of the loader, else port 11434 on this machine. The variable
 * also tells the server where to listen, so it may be a bare host, `:port` or an any-address.
 */
export function ollamaOrigin(serviceEnv: Variables, loaderEnv: Variables): string {
  const value = String(serviceEnv.OLLAMA_HOST ?? loaderEnv.OLLAMA_HOST ?? "").trim();
  const hasScheme = /^https?:\/\//i.test(value);
  const bare = hasScheme ? value : `http://${value.startsWith(":") ? `127.0.0.1${value}` : value}`;
  const url = URL.parse(bare);
  if (value === "" || url === null || url.hostname === "") return `http://127.0.0.1:${defaultPort}`;
  const host = url.hostname === "0.0.0.0" || url.hostname === "[::]" ? "127.0.0.1" : url.hostname;
  // `host:80` loses its port in a URL of scheme http: look at the text.
  const written = /:(\d+)\/?$/.exec(value)?.[1];
  const port = written ?? url.port;
  return `${url.protocol}//${host}${port !== "" ? `:${port}` : hasScheme ? "" : `:${defaultPort}`}`;
}
