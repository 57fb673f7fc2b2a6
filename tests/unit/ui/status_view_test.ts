import assert from "node:assert/strict";
import type { LoaderStatus } from "../../../lib/model/status.ts";
import { renderStatus } from "../../../lib/ui/status_view.ts";
import { loaderStatus, serviceStatus } from "../api/support.ts";

const lines = (...all: string[]) => all.map((line) => line + "\n").join("");

Deno.test("renderStatus() shows a loader at ease", () => {
  assert.equal(
    renderStatus(loaderStatus()),
    lines(
      "You can talk",
      "SYSTEM_READY, up for 1 h 02 min, booted in 15.1 s",
      "listening for the wake word; greeting: finished",
      "works: wake word yes, speech yes",
      "alexa-loader 1.0.0, boot 7f3a, pid 4700, instance home",
      "configuration /etc/loader.yaml, logs in /var/log/alexa",
      "",
      "service  state   pid  port      up for  restarts",
      "kwd      up     4711  5001  1 min 01 s         0",
      "tts      up     4711  5001  1 min 01 s         0",
    ),
  );
});

Deno.test("R22: renderStatus() shows what a precheck is at", () => {
  const status = loaderStatus({
    state: "PRECHECK",
    doing: "waiting for the GPU",
    up_sec: 3,
    total_boot_ms: null,
  });
  assert.match(
    renderStatus(status),
    /^Not yet: waiting for the GPU\nPRECHECK: waiting for the GPU, up for 3 s\n/,
  );
});

Deno.test("renderStatus() shows what is wrong and what is odd", () => {
  const status = loaderStatus({
    state: "DEGRADED",
    up_sec: 3 * 86_400 + 5 * 3600,
    total_boot_ms: null,
    capabilities: { "wake word": true, speech: false },
    degraded: "tts failed (3 restarts in 600 s); wake word yes, speech no",
    listening: false,
    gpu: { description: "GPU 0: Some Card", used_mib: 512, total_mib: 24_576 },
    services: [
      serviceStatus("ear", {
        role: "kwd",
        adopted: true,
        says: "2 microphones",
        up_sec: 42.9,
        vram_mib: 512,
      }),
      serviceStatus("llm", { role: "llm", on_cpu: true }),
      serviceStatus("tts", {
        role: "tts",
        state: "failed",
        pid: null,
        port: null,
        up_sec: null,
        restarts: 3,
        problem: "Exited with code 7 after 0.1s",
        says: "loading",
      }),
      serviceStatus("old", { state: "stopping", desired: "down" }),
    ],
  });
  assert.equal(
    renderStatus(status),
    lines(
      "You cannot talk: tts failed (3 restarts in 600 s); wake word yes, speech no",
      "DEGRADED, up for 3 d 05 h",
      "tts failed (3 restarts in 600 s); wake word yes, speech no",
      "not listening for the wake word; greeting: finished",
      "works: wake word yes, speech no",
      "GPU 0: Some Card: 512 of 24576 MiB",
      "alexa-loader 1.0.0, boot 7f3a, pid 4700, instance home",
      "configuration /etc/loader.yaml, logs in /var/log/alexa",
      "",
      "service  role   state      pid  port      up for  restarts     vram  remarks",
      "ear      kwd    up        4711  5001        42 s         0  512 MiB  2 microphones; adopted",
      "llm             up        4711  5001  1 min 01 s         0           model on CPU",
      "tts             failed       -     -           -         3           Exited with code 7 after 0.1s",
      "old      other  stopping  4711  5001  1 min 01 s         0           not wanted any more",
    ),
  );
});

Deno.test("P15: renderStatus() calls what a healthy service says of itself no problem", () => {
  const services = [
    serviceStatus("tts", { says: "3 voices loaded" }),
    serviceStatus("stt", { problem: "exit 1" }),
  ];
  const text = renderStatus(loaderStatus({ capabilities: { speech: "unproved" }, services }), {
    color: true,
  });
  assert.ok(!text.includes("problem") && text.includes("works: speech unproved"));
  // deno-lint-ignore no-control-regex
  assert.deepEqual(text.match(/\x1b\[33m[^\x1b]+/g), ["\x1b[33mexit 1"]);
});

Deno.test("renderStatus() uses colours only when asked to", () => {
  const status = loaderStatus({ state: "DEGRADED", degraded: "tts failed" });
  // deno-lint-ignore no-control-regex
  const stripped = renderStatus(status, { color: true }).replace(/\x1b\[\d+m/g, "");
  assert.equal(stripped, renderStatus(status));
  assert.notEqual(renderStatus(status, { color: true }), stripped);
});

Deno.test("renderStatus() lets nothing through that could steer the terminal", () => {
  const evil = "\x1b[2J\r\nfake\x07\u202e";
  const status = loaderStatus({
    degraded: evil,
    greeting: evil,
    config: evil,
    capabilities: { [evil]: true },
    gpu: { description: evil, used_mib: null, total_mib: null },
    services: [serviceStatus("kwd", { problem: evil, state: evil as LoaderStatus["services"][0]["state"] })],
  });
  const text = renderStatus(status);
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(text));
  assert.equal(text.split("\n").length, renderStatus(loaderStatus()).split("\n").length + 1);
});

Deno.test("renderStatus() shows a loader without services or figures", () => {
  const text = renderStatus(loaderStatus({
    services: [],
    capabilities: {},
    gpu: { description: "GPU 0", used_mib: null, total_mib: null },
  }));
  assert.match(text, /^GPU 0: memory unknown$/m);
  assert.match(text, /^works: nothing yet$/m);
});

Deno.test("P15: renderStatus() claims nothing of a KWD that nobody can ask", () => {
  assert.match(
    renderStatus(loaderStatus({ listening: null })),
    /^whether it listens for the wake word is not known;/m,
  );
});
