/** Which boot is meant: `last`, `-2`, or the beginning of a boot's id. Spec: §11. */
import { LoaderError } from "../errors.ts";
import { editDistance } from "../did_you_mean.ts";
import type { BootRecord } from "../model/boot_record.ts";

/** A boot, and those before it (oldest first), which it is measured by. */
export interface Found {
  record: BootRecord;
  earlier: readonly BootRecord[];
}

function nearest(records: readonly BootRecord[], id: string): string | undefined {
  const ranked = records
    .map(({ boot }) => ({ boot, far: editDistance(id, boot.slice(0, Math.max(id.length, 4))) }))
    .sort((a, b) => a.far - b.far);
  return ranked[0] && ranked[0].far <= 2 && ranked[0].far < id.length ? ranked[0].boot : undefined;
}

/**
 * The boot that `id` names in `records` (oldest first): `last` (or nothing), `-1` for the last, `-2` for the one before,
 * or a prefix of an id that fits one boot only; an id that is whole always fits. An error value names the candidates.
 */
export function findBoot(records: readonly BootRecord[], id = "last"): Found | LoaderError {
  const found = (record: BootRecord): Found => ({
    record,
    earlier: records.slice(0, records.indexOf(record)),
  });
  const fail = (message: string, hint: string) => new LoaderError("usage", message, { hint });
  const last = records.at(-1);
  if (!last) return fail("there is no boot in the history yet", "`up` or `demo` makes one");
  if (id === "last") return found(last);
  const wanted = id.trim().slice(0, 64);
  const back = /^-(\d{1,6})$/.exec(wanted);
  if (back) {
    const record = records[records.length - Number(back[1])];
    if (record) return found(record);
    return fail(
      `no boot ${wanted}: the history has ${records.length}`,
      `-1 is the last, -${records.length} the first`,
    );
  }
  const whole = records.find(({ boot }) => boot === wanted);
  if (whole) return found(whole);
  const fits = wanted === "" ? [] : records.filter(({ boot }) => boot.startsWith(wanted));
  if (fits.length === 1) return found(fits[0]!);
  if (fits.length > 1) {
    const some = fits.slice(-5).map(({ boot }) => boot).join(", ");
    return fail(`boot "${wanted}" is ambiguous: ${fits.length} boots begin like that`, `among them ${some}`);
  }
  const like = nearest(records, wanted);
  return fail(`no boot "${wanted}" in the history`, like ? `did you mean ${like}?` : "`boots` lists them");
}
