import assert from "node:assert/strict";
import { planBoot } from "../../../lib/plan/mod.ts";
import { Redactor } from "../../../lib/redact.ts";
import { factsWith, load, problemsOf } from "../../support/config_edit.ts";

const yaml = (notify: string) =>
  `loader: { startup_sequence: [a], shutdown_sequence: [a], notify: ${notify} }\n` +
  "services: { a: { cmd: [a], readiness: { type: tcp, port: 1 } } }\n";
const env = { HOOK: "https://hooks.example/T0/B0/planted", HOME: "/home/me" };

Deno.test("who is told is planned, with paths and variables resolved", () => {
  const text = yaml(
    "[{ ntfy: { url: 'https://ntfy.example', topic: planted-topic, token_file: ~/t }, quiet_hours: 22:30-07:00 }, " +
      "{ webhook: { url: '${HOOK}', token_file: t } }, { exec: [./tell, '{text}'] }, { dead_man: { url: '${HOOK}' } }]",
  );
  const { notify } = planBoot(load(text, env), factsWith({ env }));
  assert.deepEqual(notify, [
    {
      to: {
        kind: "ntfy",
        url: "https://ntfy.example",
        topicSecret: "planted-topic",
        tokenFile: "/home/me/t",
      },
      quiet: { from: 1350, to: 420 },
    },
    { to: { kind: "webhook", urlSecret: env.HOOK, tokenFile: "/etc/alexa/t" }, quiet: null },
    { to: { kind: "exec", argv: ["/etc/alexa/tell", "{text}"] }, quiet: null },
    { to: { kind: "dead_man", urlSecret: env.HOOK, everyMs: 60_000 }, quiet: null },
  ]);
  const redactor = new Redactor();
  redactor.learn(notify);
  const shown = JSON.stringify(redactor.value([notify, `topic: planted-topic`, `url: ${env.HOOK}`]));
  assert.doesNotMatch(shown, /planted/);
});

Deno.test("an entry that tells nobody, or two at once, or cannot be reached is refused with its place", () => {
  const messages = (notify: string) =>
    problemsOf(yaml(notify), env).map(({ message, wanted }) => `${message}; ${wanted}`);
  const one = "one of ntfy, webhook, exec, dead_man";
  const http = "http:// or https:// and a host";
  const cases: [string, string[]][] = [
    ["[{}]", [`this entry names nobody to tell; ${one}`]],
    ["[{ quiet_hours: 22:00-07:00 }]", [`this entry names nobody to tell; ${one}`]],
    [
      "[{ exec: [a], dead_man: { url: 'http://x' } }]",
      [`this entry is exec and dead_man at once; ${one}`],
    ],
    ["[{ webhook: { url: ftp://x } }]", [`loader.notify[0].webhook.url: not of the right kind; ${http}`]],
    ["[{ webhook: { url: 'http:///x' } }]", [`loader.notify[0].webhook.url: not of the right kind; ${http}`]],
    ["[{ webhook: { url: '${NONE}' } }]", [
      "loader.notify[0].webhook.url: the environment variable NONE is not set; null",
    ]],
    ["[{ exec: [a], quiet_hours: 22-7 }]", [
      "loader.notify[0].quiet_hours: not of the right kind; a time of day, `-` and another one, as `22:30-07:00`",
    ]],
  ];
  for (const [notify, wanted] of cases) assert.deepEqual(messages(notify), wanted, notify);
});
