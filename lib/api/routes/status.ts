/** How the loader and its services are. */
import { route } from "../route.ts";

export const status = route({
  method: "GET",
  path: "/v1/status",
  summary: "State of the loader, of each service, and what works for the person who talks",
  answer: (_, { status }) => status,
  handle: ({ target }) => target.status(),
});

export const services = route({
  method: "GET",
  path: "/v1/services",
  summary: "The services, in start order",
  answer: (z, { service }) => z.array(service),
  handle: ({ target }) => target.status().services,
});
