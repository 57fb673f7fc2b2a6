import assert from "node:assert/strict";
import { descriptorLimit, holdBack, isShortage, noneFree } from "../../../../lib/sys/process/descriptors.ts";
import { startHttpPeer } from "../../../support/peers/http_peer.ts";
import { TextLineStream } from "../../../support/peers/text_lines.ts";
import { canStarve, starve } from "../../../support/starve.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const child = new URL("../../../support/starved_child.ts", import.meta.url).pathname;
/** How many are open of the kind that is held back. */
const heldNow = () =>
  [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === "/";
    } catch {
      return false; // the one that reads the folder
    }
  }).length;

Deno.test("a shortage is told by its error, whoever names it", () => {
  for (
    const text of ["Too many open files (os error 24)", "connect EMFILE 127.0.0.1:1", "x (os error 23): y"]
  ) {
    assert.ok(isShortage(text), text);
  }
  for (const text of ["Connection refused (os error 111)", "exit 1: Too many open files", "(os error 2)"]) {
    assert.ok(!isShortage(text), text);
  }
});

withProcesses.test({
  name: "R19: what is held back is given back, once",
  ignore: Deno.build.os !== "linux",
  fn() {
    assert.equal(noneFree(), false);
    assert.ok(descriptorLimit()! > 20);
    const before = heldNow();
    const held = holdBack(16);
    assert.equal(heldNow(), before + 16);
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    assert.equal(heldNow(), before);
  },
});

Deno.test({
  name:
    "R19, R8: without a descriptor nothing is asked or heard, who does not show is not forgotten, nothing breaks",
  ignore: !canStarve,
  async fn() {
    await using peer = startHttpPeer(() => new Response("ok"));
    const run = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", child, new URL(peer.origin).port],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = run.stdout.pipeThrough(new TextLineStream()).getReader();
    const line = async () => (await reader.read()).value ?? "null";
    const looksAgain = async () => {
      run.kill("SIGUSR1");
      return JSON.parse(await line());
    };
    const finishUrl = await line();
    const well = { none: false, http: "ok", tcp: "ok", living: 2, finish: "", stack: true };
    assert.deepEqual(JSON.parse(await line()), well);
    {
      using _starved = await starve(run.pid);
      const blind = { none: true, http: "unasked", tcp: "unasked", living: 0, finish: "", stack: false };
      assert.deepEqual(await looksAgain(), blind);
      await fetch(finishUrl, { method: "POST", body: "{}" }).then((it) => it.body?.cancel(), () => {});
      assert.match((await looksAgain()).finish, /^false its end cannot be heard \(.*open files/);
    }
    const { finish: _, ...again } = await looksAgain();
    assert.deepEqual(again, { none: false, http: "ok", tcp: "ok", living: 2, stack: false });
    run.kill("SIGUSR2");
    await reader.cancel();
    assert.equal((await run.status).code, 0);
  },
});
