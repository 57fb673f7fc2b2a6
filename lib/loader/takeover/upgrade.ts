/**
 * `upgrade`: another version of the program takes the place of this one, in the same process. What is wrong with it is found
 * before anything is changed, as far as that can be.
 */
import type { UpgradeBegun, UpgradeWish } from "../../api/types.ts";
import { LoaderError, reasonOf } from "../../errors.ts";
import { kindOf, previousOf, removeIfThere, removeTree, restorePrevious } from "../../sys/files/files.ts";
import { copyBeside, putInPlace, statedSum } from "../../sys/files/program_file.ts";
import { ownArguments } from "../../sys/host.ts";
import { runCommand } from "../../sys/process/command.ts";
import type { Image } from "../../sys/process/exec.ts";
import { libc } from "../../sys/process/libc.ts";
import { callersEnvironment } from "../../sys/own_image.ts";
import { ownFile, selfCommand } from "../../sys/self.ts";
import { version } from "../../version.ts";
import { type Giver, handOver, type Next, rehearse } from "./hand_over.ts";

/** Each question to a new version. A file that unpacks itself does so for the first one. */
const askMs = 10_000;
/** The answer to whoever asked goes out before the program changes, ms. */
const answerMs = 50;

const refused = (why: string, hint = "nothing was changed: the loader goes on as before") =>
  new LoaderError("usage", `no upgrade: ${why}`, { hint });

let underWay = false;

/** Checks what is wished for and has it executed soon. @throws LoaderError with why it is not. */
export async function upgrade(giver: Giver, wish: UpgradeWish): Promise<UpgradeBegun> {
  if (!libc()) throw refused("only on Linux can a program take the place of another one in the same process");
  if (underWay) throw refused("another one is under way");
  underWay = true;
  try {
    const { next, to } = wish.file === null && !wish.rollback
      ? await same(giver)
      : await installed(giver, wish);
    const { clock, log } = giver.made;
    log.info("LOADER", `Executing ${next.image.argv[0]} (${to}) in the place of this version (${version})`);
    clock.after(answerMs, () => void executed(giver, next));
    return { from: version, to, at: clock.wall().toISOString() };
  } catch (error) {
    underWay = false;
    throw error;
  }
}

async function executed(giver: Giver, next: Next): Promise<void> {
  try {
    await handOver(giver, next);
  } catch (error) {
    const { made } = giver;
    if (next.replaced !== null) restorePrevious(next.replaced);
    const returned = reasonOf(error);
    made.log.error("LOADER", `Not executed, this version goes on: ${returned}`);
    const at = made.clock.wall().toISOString();
    made.takenOver = {
      from: version,
      to: version,
      at,
      services: made.supervisors.length,
      gap_ms: 0,
      returned,
    };
  } finally {
    underWay = false;
  }
}

const imageOf = (argv: readonly string[]): Image => ({ argv, env: callersEnvironment() });

/** The file that is there: the same version, or what an installer has put there since. */
async function same(giver: Giver): Promise<{ next: Next; to: string }> {
  const to = await versionOf(selfCommand([]));
  const image = await rehearse(giver, imageOf(selfCommand(ownArguments)));
  return { next: { image, replaced: null }, to };
}

/** Copies the file beside ours, asks it all that can be asked, and puts it in the place of ours. */
async function installed(giver: Giver, wish: UpgradeWish): Promise<{ next: Next; to: string }> {
  const own = ownFile();
  if ("instead" in own) {
    throw refused("this program is no file that another one can take the place of", own.instead);
  }
  const file = wish.rollback ? previousOf(own.path) : wish.file!;
  if (kindOf(file) !== "file") {
    throw refused(`${file} is not a file`, wish.rollback ? "there was no upgrade yet" : undefined);
  }
  const { fresh, sum } = await copyBeside(file, own.path).catch((error) => {
    throw refused(
      `${file} cannot be copied beside ${own.path}: ${reasonOf(error)}`,
      "run it as who may write there",
    );
  });
  try {
    const wanted = wish.sha256?.toLowerCase() ?? statedSum(file);
    if (wanted !== null && wanted !== sum) {
      throw refused(`the SHA-256 of ${file} is ${sum}, and should be ${wanted}`);
    }
    const { configPath, dirs } = giver.made.plan;
    const to = await versionUnpacked(fresh, `${dirs.state}/upgrade`);
    if (configPath !== "<demo>") {
      await asked([fresh, "check", "--config", configPath], "refuses the configuration");
    }
    const { argv, env } = await rehearse(giver, imageOf([fresh, ...ownArguments]));
    putInPlace(fresh, own.path);
    const there = (word: string) => word === fresh ? own.path : word;
    const moved = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, there(value)]));
    return { next: { image: { argv: argv.map(there), env: moved }, replaced: own.path }, to };
  } finally {
    removeIfThere(fresh);
  }
}

/** One that unpacks itself does so anew, into `dir`: what another one of its version left says nothing about this file. */
async function versionUnpacked(program: string, dir: string): Promise<string> {
  try {
    return await versionOf([program], { XDG_CACHE_HOME: dir });
  } finally {
    removeTree(dir);
  }
}

async function versionOf(program: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const said = await asked([...program, "--version"], "does not run here", env);
  const [, found] = /^alexa-loader (\S+) /.exec(said) ?? [];
  if (found === undefined) {
    throw refused(`${program[0]} is no alexa-loader: it says ${JSON.stringify(said.slice(0, 80))}`);
  }
  return found;
}

/** What it prints. @throws LoaderError when it does not end well. */
async function asked(
  argv: readonly string[],
  what: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr, timedOut } = await runCommand(argv, { timeoutMs: askMs, env });
  if (code === 0) return stdout;
  const said = (stderr || stdout).trim().split("\n").slice(0, 3).join("; ").slice(0, 400);
  const why = timedOut ? `no answer within ${askMs / 1000} s` : said || `it ended with code ${code}`;
  throw refused(`${argv[0]} ${what}: ${why}`);
}
