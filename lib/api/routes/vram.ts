/** The GPU's memory. */
import type { ZodType } from "zod";
import { notOffered, route } from "../route.ts";

export const vram = route({
  method: "GET",
  path: "/v1/vram",
  summary: "Who holds how much GPU memory, asked of the driver now",
  /** As `vram --json` prints it. */
  answer: (z) => {
    const mib = () => z.nullable(z.number());
    return z.looseObject({
      gpus: z.array(z.looseObject({
        index: z.number(),
        uuid: z.nullable(z.string()),
        name: z.string(),
        total_mib: mib(),
        used_mib: mib(),
        free_mib: mib(),
        utilisation_percent: z.nullable(z.number()),
        temperature_c: z.nullable(z.number()),
        services: z.array(z.looseObject({ service: z.string(), used_mib: mib(), pids: z.array(z.number()) })),
        strangers: z.array(z.looseObject({
          pid: z.number(),
          used_mib: mib(),
          kind: z.string(),
          command: z.nullable(z.string()),
        })),
        unattributed_mib: z.number(),
      })),
    }).meta({ id: "Vram" }) as ZodType<unknown>;
  },
  refuses: { 409: "the GPU is not open yet, or not any more", 501: "this loader cannot tell" },
  handle: ({ target }) =>
    target.vram ? target.vram() : notOffered("this loader cannot tell who uses the GPU's memory"),
});
