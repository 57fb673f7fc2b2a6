/** The API, told by itself. */
import { route } from "../route.ts";

export const openapi = route({
  method: "GET",
  path: "/v1/openapi.json",
  summary: "This API as an OpenAPI 3.1 document",
  answer: (z) => z.record(z.string(), z.unknown()),
  handle: async ({ routes }) => (await import("../openapi.ts")).openApi(routes),
});
