/** What the loader of another machine tells of the services that it runs for this one. Spec: §12. */
import type { Explanation } from "./explanation.ts";
import type { LoaderStatus } from "./status.ts";

export interface Elsewhere {
  /** Where its API is. */
  url: string;
  /** Ours that it runs. */
  services: string[];
  /** Null when it did not answer: then `problem` says why, in half a sentence. */
  status: LoaderStatus | null;
  explanation: Explanation | null;
  problem: string | null;
}
