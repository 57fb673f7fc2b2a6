import assert from "node:assert/strict";
import { EventBus } from "../../../lib/model/event_bus.ts";
import type { LoaderState } from "../../../lib/model/states.ts";
import { canTalk } from "../../../lib/model/talk.ts";
import { ServiceManagerLink } from "../../../lib/outward/mod.ts";
import { NotifySocket } from "../../../lib/sys/net/notify_socket.ts";
import { takeServiceManager } from "../../../lib/sys/service_manager.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { until } from "../../support/strangers.ts";
import { loaderStatus } from "../api/support.ts";
import { readBytes } from "../../../lib/sys/process/libc.ts";

/** A loader whose state the test sets, and who listens to what is told of it. */
function setUp(watchdogMs: number | null = null) {
  const dir = Deno.makeTempDirSync({ prefix: "al" });
  const path = `${dir}/notify`;
  const heard: string[] = [], warnings: string[] = [];
  const bus = new EventBus((error) => assert.fail(String(error)));
  const clock = new FakeClock();
  let status = loaderStatus({ state: "PRECHECK", doing: "looking" });
  const listen = () => new NotifySocket(path, (datagram) => heard.push(new TextDecoder().decode(datagram)));
  const loader = { observe: bus.observe.bind(bus), status: () => ({ ...status, talk: canTalk(status) }) };
  return {
    heard,
    warnings,
    clock,
    listen,
    bus,
    open: () =>
      new ServiceManagerLink(loader, { socket: path, watchdogMs }, {
        clock,
        warn: (message) => void warnings.push(message),
      }),
    /** The loader changes its state, and tells. */
    become(to: LoaderState, more: Parameters<typeof loaderStatus>[0] = {}) {
      const from = status.state;
      status = loaderStatus({ state: to, ...more });
      bus.emit({ fact: "loader_state", from, to });
    },
    /** All that was heard since the last call, `n` of them awaited. */
    async next(n: number): Promise<string[]> {
      await until(() => heard.length >= n);
      return heard.splice(0);
    },
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

const more = "EXTEND_TIMEOUT_USEC=30000000";

Deno.test("it asks for time while it boots, is ready once, tells how it is, and that it stops", async () => {
  using t = setUp();
  await using _socket = t.listen();
  const link = t.open();
  assert.deepEqual(await t.next(1), [`${more}\nSTATUS=Not yet: looking`]);
  await t.clock.advance(20_000);
  assert.deepEqual(await t.next(2), [more, more]);
  t.become("SYSTEM_READY", { listening: false });
  assert.deepEqual(await t.next(1), ["READY=1\nSTATUS=Not yet: it greets, then it listens"]);
  t.become("SYSTEM_READY", { listening: true });
  t.become("SYSTEM_READY", { listening: true });
  await t.clock.advance(100);
  assert.deepEqual(await t.next(1), ["STATUS=You can talk"], "ready is said once");
  await t.clock.advance(60_000);
  assert.deepEqual(t.heard, [], "no more time is asked for, and nothing is said twice");
  t.become("STOPPING");
  assert.deepEqual(await t.next(1), ["STOPPING=1\nSTATUS=You cannot talk: it is stopping"]);
  await t.clock.advance(10_000);
  assert.deepEqual(await t.next(1), [more]);
  await link[Symbol.asyncDispose]();
  assert.equal(t.clock.pending, 0);
  assert.deepEqual(t.warnings, []);
});

Deno.test("a boot that ends DEGRADED is ready too, and no word of a service becomes a field", async () => {
  using t = setUp();
  await using _socket = t.listen();
  await using _link = t.open();
  await t.next(1);
  t.become("DEGRADED", { degraded: "llm failed (x\nMAINPID=1\nREADY=1)", listening: true });
  const [said] = await t.next(1);
  assert.equal(said, "READY=1\nSTATUS=You are heard, but: llm failed (x MAINPID=1 READY=1)");
});

Deno.test("a version that took over does not say again that it is ready, and tells of reloads", async () => {
  using t = setUp();
  await using _socket = t.listen();
  t.become("SYSTEM_READY", { listening: true });
  await using _link = t.open();
  await t.clock.advance(100);
  assert.deepEqual(await t.next(1), ["STATUS=You can talk"]);
  t.bus.emit({ fact: "reload_refused", by: "SIGHUP", why: "x" });
  assert.equal((await t.next(2)).at(-1), "READY=1");
});

Deno.test("a boot that fails is never ready", async () => {
  using t = setUp();
  await using _socket = t.listen();
  await using _link = t.open();
  t.become("STARTING");
  t.become("STOPPING");
  t.become("STOPPED");
  await t.clock.advance(1000);
  assert.ok(!(await t.next(2)).join("\n").includes("READY=1"));
});

Deno.test("the watchdog is fed at half of its time by the loop, and a reload is told with the kernel's time", async () => {
  using t = setUp(4000);
  await using _socket = t.listen();
  await using _link = t.open();
  t.become("SYSTEM_READY", { listening: true });
  await t.next(2);
  for (let fed = 0; fed < 3; fed++) {
    await t.clock.advance(1999);
    assert.deepEqual(t.heard, []);
    await t.clock.advance(1);
    assert.deepEqual(await t.next(1), ["WATCHDOG=1"]);
  }
  const difference = { added: [], removed: [], changed: [], loader: [], fixed: [] } as never;
  t.bus.emit({ fact: "reloaded", by: "SIGHUP", reload: 1, difference, starts: [] });
  const [reloading] = await t.next(1);
  const usec = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading!)![1]);
  const uptime = Number(new TextDecoder().decode(readBytes("/proc/uptime")!).split(" ")[0]) * 1e6;
  assert.ok(usec > 0 && usec <= uptime + 1e6, `${usec} of ${uptime}`);
  t.bus.emit({ fact: "reload_over", reload: 1, failed: [], ms: 1 });
  assert.deepEqual(await t.next(1), ["READY=1"]);
  t.bus.emit({ fact: "reloaded", by: "SIGHUP", reload: null, difference, starts: [] });
  t.bus.emit({ fact: "reload_refused", by: "SIGHUP", why: "x" });
  const kinds = (await t.next(4)).map((said) => said.split("\n")[0]);
  assert.deepEqual(kinds, ["RELOADING=1", "READY=1", "RELOADING=1", "READY=1"]);
});

Deno.test("nobody there: said once; what must be known is told when somebody listens, the rest is not kept", async () => {
  using t = setUp(2000);
  const link = t.open();
  await until(() => t.warnings.length > 0);
  t.become("SYSTEM_READY", { listening: true });
  for (let i = 0; i < 100; i++) await t.clock.advance(1000);
  assert.equal(t.warnings.length, 1);
  await using _socket = t.listen();
  await t.clock.advance(1000);
  assert.deepEqual((await t.next(2)).slice(0, 2), [
    `${more}\nSTATUS=Not yet: looking`,
    "READY=1\nSTATUS=You can talk",
  ]);
  await link[Symbol.asyncDispose]();
  assert.equal(t.clock.pending, 0);
});

Deno.test("nobody there: the end does not wait", async () => {
  using t = setUp();
  const link = t.open();
  t.become("STOPPING");
  const ended = link[Symbol.asyncDispose]();
  await t.clock.advance(500);
  await ended;
  assert.equal(t.clock.pending, 0);
});

Deno.test("what is meant for us is taken out of the environment; a watchdog of somebody else's is none of ours", () => {
  const cases: [Record<string, string>, ReturnType<typeof takeServiceManager>][] = [
    [{}, null],
    [{ WATCHDOG_USEC: "5000000" }, null],
    [{ NOTIFY_SOCKET: "@x" }, { socket: "@x", watchdogMs: null }],
    [{ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "5000000" }, { socket: "/x", watchdogMs: 5000 }],
    [
      { NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "5000000", WATCHDOG_PID: `${Deno.pid}` },
      { socket: "/x", watchdogMs: 5000 },
    ],
    [{ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "5000000", WATCHDOG_PID: "1" }, {
      socket: "/x",
      watchdogMs: null,
    }],
    [{ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "0" }, { socket: "/x", watchdogMs: null }],
    [{ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "-1e9" }, { socket: "/x", watchdogMs: null }],
  ];
  for (const [env, manager] of cases) {
    for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
    assert.deepEqual(takeServiceManager(), manager);
    for (const name of Object.keys(env)) assert.equal(Deno.env.get(name), undefined);
  }
});
