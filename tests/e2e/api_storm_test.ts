/**
 * Many clients at once, half of them slow or vanishing, beside a boot and after it: nothing of the assistant is held up.
 * ALEXA_STORM_SEC: for how long; 3 s. Spec: §12.
 */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

const seconds = Number(Deno.env.get("ALEXA_STORM_SEC") ?? 3);
const encoder = new TextEncoder();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client's life, over and over: it asks properly, sends half a request and waits, never reads a stream, or goes away. */
async function client(path: string, kind: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const conn = await Deno.connect({ transport: "unix", path }).catch(() => null);
    if (!conn) {
      await pause(20);
      continue;
    }
    const send = (text: string) => conn.write(encoder.encode(text)).catch(() => {});
    if (kind % 2 === 0) {
      await send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
      const chunk = new Uint8Array(65_536);
      while (await conn.read(chunk).catch(() => null) !== null);
      await pause(50);
    } else if (kind % 3 === 0) {
      await send("POST /v1/mute HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nhalf");
      await pause(1000);
    } else if (kind % 5 === 0) {
      await send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
      await pause(1000);
    } else await send("GET /v1/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n").then(() => pause(10));
    conn.close();
  }
}

const memoryMib = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;
const descriptors = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

function socketOf(home: TestHome): string | undefined {
  try {
    const [instance] = [...Deno.readDirSync(`${home.runtime}/alexa-loader`)];
    const path = `${home.runtime}/alexa-loader/${instance!.name}/control.sock`;
    return Deno.lstatSync(path).isSocket ? path : undefined;
  } catch {
    return undefined;
  }
}

Deno.test({
  name:
    "200 clients, half of them slow or vanishing, hold up no gate and no health check, and leave nothing behind",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: { kwd: { load_ms: 500 }, tts: { speak_ms: 250 } },
    });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    const path = await until("its socket", () => socketOf(home), () => loader.log);
    const [memory, fds] = [memoryMib(loader.pid), descriptors(loader.pid)];
    const over = new AbortController();
    const clients = Array.from({ length: 200 }, (_, kind) => client(path, kind, over.signal));
    await loader.waitLine(/READY FOR WAKE WORD/);
    await pause(seconds * 1000);
    over.abort();
    await Promise.all(clients);

    assert.ok(!/DEGRADED|unhealthy|Control request failed/i.test(loader.log), loader.log);
    const status = JSON.parse((await runLoader(home, ["status", "--json", "--config", config])).out);
    assert.deepEqual([status.state, status.muted, status.listening], ["SYSTEM_READY", false, true]);
    assert.ok(status.services.every(({ restarts }: { restarts: number }) => restarts === 0));
    const refused = loader.lines.filter(({ message }) => message.startsWith("Control request refused"));
    assert.ok(refused.length <= 3, "each kind is told once");
    // What is left are the services' own.
    const now = () => descriptors(loader.pid);
    await until("its descriptors", () => now() <= fds + 40 || undefined, () => `${now()}, before ${fds}`);
    const grown = () => memoryMib(loader.pid) - memory; // a boot alone: 18
    await until("its memory", () => grown() < 60 || undefined, () => `${grown()} MiB more`, 30_000);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
    for (const { name, gate_lag_ms: lag } of home.boots()[0]!.services as Record<string, unknown>[]) {
      assert.ok(Number(lag) < 1000, `the gate of ${name} was held up for ${lag} ms`);
    }
  },
});
