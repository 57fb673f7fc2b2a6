import assert from "node:assert/strict";
import { canTalk } from "../../../lib/model/talk.ts";
import { loaderStatus, serviceStatus } from "../api/support.ts";

const all = { "wake word": true, transcription: true, answers: true, speech: true };
const degraded = "x failed";

const cases: [string, Parameters<typeof loaderStatus>[0], string, string][] = [
  ["all is well", { listening: true }, "yes", "You can talk"],
  ["nobody can know whether it listens", { listening: null }, "yes", "You can talk"],
  ["it greets", { listening: false }, "not yet", "Not yet: it greets, then it listens"],
  [
    "there is no wake word to listen for",
    { listening: false, capabilities: { transcription: true } },
    "yes",
    "You can talk",
  ],
  [
    "no inference was seen",
    { capabilities: { ...all, answers: "unproved" } },
    "yes",
    "You can talk; not proved yet: answers",
  ],
  [
    "the voice is off",
    { state: "DEGRADED", degraded, capabilities: { ...all, speech: false } },
    "partly",
    "You are heard, but: x failed",
  ],
  [
    "the ear is off",
    { state: "DEGRADED", degraded, capabilities: { ...all, transcription: false } },
    "no",
    "You cannot talk: x failed",
  ],
  [
    "the wake word was not switched on again",
    { state: "DEGRADED", degraded, capabilities: all, listening: false },
    "no",
    "You cannot talk: x failed",
  ],
  [
    "it boots",
    { state: "STARTING", services: [serviceStatus("kwd"), serviceStatus("llm", { state: "warming" })] },
    "not yet",
    "Not yet: llm is warming up, 1 of 2 up",
  ],
  [
    "its precheck waits",
    { state: "PRECHECK", doing: "waiting for the GPU" },
    "not yet",
    "Not yet: waiting for the GPU",
  ],
  ["it stops", { state: "STOPPING" }, "no", "You cannot talk: it is stopping"],
];
for (const [when, status, works, text] of cases) {
  Deno.test(`canTalk() answers when ${when}`, () => {
    assert.deepEqual(canTalk(loaderStatus(status)), { works, text });
  });
}
