/** The loader itself: its configuration, its folders, the one that runs. */
import { percentile } from "../../metrics/figures.ts";
import { verdict } from "../../metrics/verdict.ts";
import { duration } from "../../ui/units.ts";
import type { FolderFacts } from "../facts.ts";
import { type Case, type Rule, when } from "../rule.ts";

/** A warm-up that takes this much longer than its p95, of so many boots, is worth a word. */
const slower = 2, slowerMs = 500, enoughBoots = 5;
const manyRestarts = 3;

type Owner = NonNullable<FolderFacts["owner"]>;

/** Judges the loader's own folders, as far as they are there. */
function ofFolders(
  folders: readonly FolderFacts[],
  is: (owner: Owner) => boolean,
  found: (path: string, owner: Owner) => Case,
): Case[] | null {
  const made = folders.flatMap(({ own, path, owner }) => own && owner ? [{ path, owner }] : []);
  return made.length === 0
    ? null
    : made.filter(({ owner }) => is(owner)).map(({ path, owner }) => found(path, owner));
}

export const ownRules: Rule[] = [
  {
    id: "config-missing",
    severity: "info",
    looksAt: "the places where a configuration is looked for",
    sees: "There is no configuration",
    why: "Nothing was set up yet, or it lies elsewhere: then name it with --config.",
    mend: "alexa-loader init, or alexa-loader demo for one that needs none",
    check: ({ config }) =>
      when(config.path === null && config.problems.length === 0, "only the machine was looked at"),
  },
  {
    id: "config-invalid",
    severity: "fail",
    looksAt: "the configuration",
    sees: "The configuration is wrong",
    why:
      "A key that does not exist, a value that cannot be, a variable that is not set. Nothing is started with it.",
    mend: "alexa-loader check shows each place",
    check: ({ config, plan }) => plan || config.problems.length > 0 ? [...config.problems] : null,
  },
  {
    id: "config-exposed",
    severity: "warn",
    looksAt: "the rights of the configuration file",
    sees: "The configuration has secrets in it, and others may read it",
    why: "Keys and passwords in `env` are there for every user of the machine.",
    mend: "chmod 600 FILE",
    check: ({ config, plan }) =>
      plan
        ? when(config.exposed, { what: `others may read ${config.path}`, mend: `chmod 600 ${config.path}` })
        : null,
  },
  {
    id: "command-missing",
    severity: "fail",
    looksAt: "the services' commands",
    sees: "The command of a service is not there",
    why:
      "It is not installed, not on the PATH of whoever starts the loader, or its virtual environment has moved.",
    mend: "Install it, or write its absolute path in `cmd`",
    check: ({ plan, config }) =>
      plan ? config.missing.map(({ service, what }) => `${service}: ${what} is not there`) : null,
  },
  {
    id: "loader-hangs",
    severity: "fail",
    looksAt: "the control socket",
    sees: "The loader is there and cannot be asked",
    why: "It hangs, is of another version, or runs as another user.",
    mend:
      "Ask as that user (sudo -u USER alexa-loader status); if it hangs: kill its process, nothing of it is left behind",
    check: ({ loader }) =>
      loader.status || loader.unanswered !== null
        ? when(loader.unanswered !== null, loader.unanswered ?? "")
        : null,
  },
  {
    id: "service-down",
    severity: "fail",
    looksAt: "the running loader's status",
    sees: "A service has failed",
    why: "It exhausted its restarts, or cannot be started. Its last lines are in its log.",
    mend: "alexa-loader restart SERVICE, once its problem is mended",
    check: ({ loader: { status } }) =>
      status && status.services.filter(({ state }) => state === "failed").map(({ name, problem }) => ({
        what: `${name}: ${problem ?? "failed"}`,
        mend: `See ${status.log_dir}/${name}.log, then alexa-loader restart ${name}`,
      })),
  },
  {
    id: "service-restarts",
    severity: "warn",
    looksAt: "the running loader's status",
    sees: "A service is restarted again and again",
    why:
      "It comes up and dies: out of memory, a device that comes and goes, a bug that a certain question hits.",
    mend: "Look at the end of its log before each restart",
    check: ({ loader: { status } }) =>
      status &&
      status.services.filter(({ state, restarts }) => state !== "failed" && restarts >= manyRestarts)
        .map(({ name, restarts, problem }) => ({
          what: `${name}: ${restarts} restarts${problem === null ? "" : `, ${problem}`}`,
          mend: `See ${status.log_dir}/${name}.log before each restart`,
        })),
  },
  {
    id: "not-listening",
    severity: "fail",
    looksAt: "the running loader's status",
    sees: "All is up, and nobody listens for the wake word",
    why: "The wake word service was paused for the greeting, or muted, and does not accept that it goes on.",
    mend: "alexa-loader restart KWD",
    check: ({ plan, loader: { status } }) => {
      const kwd = status?.services.find(({ role }) => role === "kwd");
      return status && kwd && plan
        ? when(status.state === "SYSTEM_READY" && kwd.state === "up" && status.listening === false, {
          what: `${kwd.name} is up and does not listen; greeting: ${status.greeting}`,
          mend: `alexa-loader restart ${kwd.name}`,
        })
        : null;
    },
  },
  {
    id: "not-guarded",
    severity: "warn",
    looksAt: "the running loader's children",
    sees: "No guardian runs beside the loader",
    why:
      "If the loader is killed now, its services stay behind. It cannot start one (no /bin/sh, no process to be had).",
    mend: "Look for `guardian` in the loader's log, then alexa-loader stop and alexa-loader up",
    check: ({ loader }) =>
      loader.guarded === null ? null : when(!loader.guarded, "the loader has no guardian among its children"),
  },
  {
    id: "other-version",
    severity: "info",
    looksAt: "the version of the running loader and of this program",
    sees: "The loader that runs is of another version",
    why: "The program was updated; the one that runs is still the old one.",
    mend: "alexa-loader stop, then alexa-loader up",
    check: ({ loader }) =>
      loader.status && when(
        loader.status.version !== loader.version,
        `${loader.status.version} runs, this is ${loader.version}`,
      ),
  },
  {
    id: "leftovers",
    severity: "warn",
    looksAt: "the state file of the last loader",
    sees: "Services of an earlier loader still run",
    why: "Loader and guardian were killed together. They hold ports and GPU memory.",
    mend: "alexa-loader up ends what it can prove to be its own",
    check: ({ plan, loader }) => plan && !loader.status ? [...loader.leftovers] : null,
  },
  {
    id: "folder-exposed",
    severity: "warn",
    looksAt: "owner and rights of state, log and runtime folders",
    sees: "Others may write or read the loader's own folders",
    why: "Logs may hold what was said; who may write the state could have processes ended.",
    mend: "chmod 700 FOLDER",
    check: ({ folders, host }) =>
      ofFolders(folders, (owner) => owner.uid === host.uid && (owner.mode & 0o077) !== 0, (path, owner) => ({
        what: `${path} has the rights ${owner.mode.toString(8)}`,
        mend: `chmod 700 ${path}`,
      })),
  },
  {
    id: "folder-owner",
    severity: "fail",
    looksAt: "owner of state, log and runtime folders",
    sees: "A folder of the loader's belongs to another user",
    why: "It was started once with sudo, or as another user: now it cannot write its state.",
    mend: "sudo chown -R $USER FOLDER",
    check: ({ folders, host }) =>
      ofFolders(folders, ({ uid }) => uid !== host.uid && host.uid !== 0, (path, { uid }) => ({
        what: `${path} belongs to user ${uid}`,
        mend: `sudo chown -R ${host.user} ${path}`,
      })),
  },
  {
    id: "last-boot",
    severity: "warn",
    looksAt: "the boot history",
    sees: "The last boot did not end well",
    why: "A service failed, or it was stopped before it was ready.",
    mend: "alexa-loader boots show shows where it ended",
    check: ({ records }) => {
      const last = records.at(-1);
      return last
        ? when(
          last.outcome === "failed" || last.outcome === "degraded",
          `${last.at}: ${verdict(last, records.slice(0, -1))}`,
        )
        : null;
    },
  },
  {
    id: "first-token",
    severity: "warn",
    looksAt: "the warm-ups of the last boots",
    sees: "The first inference took much longer than usual",
    why: "The model is on the CPU, the GPU is throttled or shared, or the engine was updated.",
    mend: "alexa-loader boots diff -2 last shows what changed",
    check: ({ records }) => {
      const last = records.at(-1), earlier = records.slice(0, -1);
      if (!last || earlier.length < enoughBoots) return null;
      return last.services.flatMap(({ name, warmup_ms: ms }) => {
        const before = earlier.flatMap((r) => r.services.filter((s) => s.name === name));
        const usual = percentile(before.map((s) => s.warmup_ms).filter((ms) => ms !== null), 95);
        return when(
          ms !== null && usual !== null && ms > usual * slower && ms - usual > slowerMs,
          `${name}: the warm-up took ${duration(ms)}, p95 of the boots before: ${duration(usual)}`,
        );
      });
    },
  },
];
