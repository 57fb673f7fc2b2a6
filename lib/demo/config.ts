/** The demo assistant's configuration, embedded. Spec: §3. */
import text from "../../config/demo.yaml" with { type: "text" };

/** `config/demo.yaml`, as it is. */
export const demoConfig: string = text;

/** A port of the demo, wherever it stands: in `ports`, in a URL, in a command. */
const demoPort = /\b500[1-5]\b/g;

/** How often `pick` is asked again when it answers a port that is already given away. */
const ATTEMPTS = 20;

/**
 * The demo's configuration with each of its ports replaced by what `pick` answers for it, which may be the port itself
 * when that is free. Throws RangeError when it answers something that is no port, or only ports that are given away.
 */
export function withFreePorts(yaml: string, pick: (port: number) => number): string {
  const picked = new Map<number, number>();
  const choose = (port: number): number => {
    let chosen = pick(port);
    const isUsable = () => Number.isInteger(chosen) && chosen >= 1 && chosen <= 65535 && !isGiven(chosen);
    for (let attempt = 1; attempt < ATTEMPTS && !isUsable(); attempt++) chosen = pick(port);
    if (!isUsable()) throw new RangeError(`cannot use port ${chosen} in place of ${port}`);
    picked.set(port, chosen);
    return chosen;
  };
  const isGiven = (port: number) => [...picked.values()].includes(port);
  return yaml.replace(demoPort, (word) => String(picked.get(Number(word)) ?? choose(Number(word))));
}
