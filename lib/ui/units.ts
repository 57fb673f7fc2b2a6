/** Figures as people read them: the one place for how long, how much, and by how much more. */

/** "0.4 ms", "420 ms", "1.42 s", "15.1 s", "2 min 05 s"; "-" where there is no figure. */
export function duration(ms: number | null): string {
  if (ms === null) return "-";
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A difference with its sign: "+1.20 s", "-30 ms", "0.0 ms". */
export function signed(ms: number): string {
  return (ms > 0 ? "+" : "") + duration(ms);
}

/** "512 B", "3.4 MiB"; "-" where there is no figure. */
export function bytes(n: number | null): string {
  if (n === null) return "-";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** "83 %"; "-" where there is no figure. */
export function percent(share: number | null): string {
  return share === null ? "-" : `${Math.round(share * 100)} %`;
}

/** "2026-01-02 10:00:00", in the reader's time zone or in UTC. */
export function timestamp(iso: string, utc = false): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const shifted = utc ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19).replace("T", " ");
}
