/** Why it is as it is, in words. */

export interface ServiceExplanation {
  service: string;
  state: string;
  /** Whether it does what it is there for. */
  works: boolean;
  /** In one sentence. */
  text: string;
}

export interface Explanation {
  /** Can I talk, and if not, why? */
  text: string;
  services: ServiceExplanation[];
}
