/** Listens for signals and never ends by itself. For signals_test. */
import { signalSource } from "../../lib/sys/process/signals.ts";

const { stop, kill } = signalSource(300);
stop.addEventListener("abort", () => console.log("stop"));
kill.addEventListener("abort", () => console.log("kill"));
setInterval(() => {}, 1000);
console.log("here");
