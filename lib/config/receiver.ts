/** Who is told what broke: an entry of `loader.notify`. That it is exactly one of them is a rule's to say. Spec: §3. */
import type { Shapes } from "../shapes.ts";

export function receiver({ z, text, argv }: Shapes) {
  const address = () =>
    z.string().max(2048).regex(/^https?:\/\/[^\s/]\S*$/, "http:// or https:// and a host");
  const tokenFile = () => text().optional().describe("File with the token, sent as `Authorization: Bearer`");
  return z.strictObject({
    ntfy: z.strictObject({
      url: address().describe("The server, without the topic"),
      topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "letters, digits, - and _").describe("The topic"),
      token_file: tokenFile(),
    }).optional().describe("A message of an ntfy server, on your phone"),
    webhook: z.strictObject({
      url: address().describe("Gets `{instance, kind, title, text}` as JSON, by POST"),
      token_file: tokenFile(),
    }).optional().describe("An HTTP server of your own, or a chat's"),
    exec: argv().optional().describe(
      "A command; `{title}`, `{text}` and `{kind}` (down, well) are filled in",
    ),
    dead_man: z.strictObject({
      url: address().describe("Asked by GET as long as the loader runs"),
      every_sec: z.number().min(1).max(86_400).default(60).describe("How often"),
    }).optional().describe("A switch that tells somebody when it hears nothing any more"),
    quiet_hours: z.string().regex(
      /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/,
      "a time of day, `-` and another one, as `22:30-07:00`",
    ).optional().describe("What happens between these times is told when they are over, in one message"),
  });
}
