/** A server that speaks or transcribes, by the protocol it is asked in. CONTRACT §4, §5. */

export type Engine =
  | { speaks: "wyoming"; host: string; port: number; voice: string | null; language: string | null }
  /** `url`: the server's base address; `model` null: its only one. */
  | { speaks: "openai"; url: string; model: string | null; voice: string | null; language: string | null };
