import assert from "node:assert/strict";
import { play } from "../../../lib/controls/output.ts";
import type { SpeakAnswer } from "../../../lib/controls/answers.ts";
import { soundOf } from "../../../lib/protocols/sound.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";
import { startPeerBy } from "../../support/peers/python_peer.ts";
import { closingPeer, freePort } from "../../support/peers/tcp_peer.ts";
import { wyomingTest } from "../../support/reference_python.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { player, withAsk } from "./support.ts";

const sound = (ms: number) => ({
  rate: 8000,
  width: 2,
  channels: 1,
  samples: new Uint8Array(16 * ms).fill(7),
});
const detail = (answer: SpeakAnswer) => answer.state === "failed" ? answer.detail : assert.fail(answer.state);

withProcesses.test("a player gets a WAV file that is gone afterwards; its end is the sound's", async () => {
  await withAsk(async (ask, folder) => {
    const plays = player(
      folder,
      "plays",
      `cp "$2" ${folder}/played; sleep 0.2; echo "$1 $2" > ${folder}/asked`,
    );
    const answer = await play(sound(200), { players: [[...plays, "-q"]] }, ask);
    assert.ok(answer.state === "finished" && answer.spokenMs! >= 200);
    assert.equal(Deno.readTextFileSync(`${folder}/asked`), `-q ${folder}/scratch/speech.wav\n`);
    assert.deepEqual(soundOf(Deno.readFileSync(`${folder}/played`)), sound(200));
    assert.deepEqual([...Deno.readDirSync(`${folder}/scratch`)], []);
    await play(sound(200), { players: [[...plays, "--file={file}", "x"]] }, ask);
    assert.equal(Deno.readTextFileSync(`${folder}/asked`), `--file=${folder}/scratch/speech.wav x\n`);
  });
});

withProcesses.test("a player that does not end is ended 1 s after the sound", async () => {
  await withAsk(async (ask, folder) => {
    const answer = await play(sound(200), { players: [player(folder, "hangs", "exec sleep 60")] }, ask);
    assert.ok(answer.state === "finished" && answer.spokenMs! >= 1200 && answer.spokenMs! < 5000);
  });
});

withProcesses.test("the next player is asked where one is missing, refuses, or is done before anything can be heard", async () => {
  await withAsk(async (ask, folder) => {
    const order = [
      ["/no/such/player"],
      player(folder, "refuses", "echo no daemon >&2; exit 1"),
      player(folder, "deaf", "exit 0"),
      player(folder, "plays", "sleep 0.3"),
    ];
    assert.equal((await play(sound(300), { players: order }, ask)).state, "finished");
  });
});

withProcesses.test("trap: a sound server that is not there yet is waited for", async () => {
  await withAsk(async (ask, folder) => {
    const socket = `${folder}/pipewire-0`;
    const later = player(
      folder,
      "pw-play",
      `[ -e ${socket} ] || { echo "Host is down" >&2; exit 1; }; sleep 0.2`,
    );
    let asked = 0;
    const run: typeof runCommand = async (argv, limits) => {
      if (++asked === 3) Deno.writeTextFileSync(socket, "");
      return await runCommand(argv, limits);
    };
    assert.equal((await play(sound(200), { players: [later] }, { ...ask, run })).state, "finished");
    assert.equal(asked, 3);
  });
});

withProcesses.test("trap: no sound server, and no program to play with, have a sentence each", async () => {
  await withAsk(async (ask, folder) => {
    const down = player(folder, "pw-play", "echo 'pw_context_connect() failed: Host is down' >&2; exit 1");
    const deaf = player(folder, "aplay", "exit 0");
    assert.match(
      detail(await play(sound(1000), { players: [down, ["/no/paplay"], deaf] }, { ...ask, timeoutMs: 2500 })),
      /^its sound cannot be played \(\S+pw-play: exit 1: "pw_context_connect\(\) failed: Host is down"; \/no\/paplay: not found; \S+aplay: done after 0\.\d s of 1\.0 s, so nothing was heard\): look for a sound device \(`aplay -l`\), and whether this user's PipeWire or PulseAudio runs$/,
    );
    assert.equal(
      detail(await play(sound(1000), { players: [["/no/pw-play"], ["/no/aplay"]] }, ask)),
      "there is no program to play its sound with (/no/pw-play: not found, /no/aplay: not found): " +
        "install one (pipewire-bin, pulseaudio-utils or alsa-utils), or name yours with control.player",
    );
  });
});

withProcesses.test("what may have been heard in part is not played again", async () => {
  await withAsk(async (ask, folder) => {
    const breaks = player(
      folder,
      "breaks",
      `echo x >> ${folder}/runs; sleep 1.1; echo unplugged >&2; exit 1`,
    );
    assert.match(
      detail(await play(sound(3000), { players: [breaks, breaks] }, ask)),
      /breaks: exit 1: "unplugged"$/,
    );
    assert.equal(Deno.readTextFileSync(`${folder}/runs`), "x\n");
  });
});

wyomingTest("a snd service hears all of it, and `played` is the end", async (python) => {
  await using peer = await startPeerBy(python, "./wyoming_reference_peer.py", "snd");
  await withAsk(async (ask) => {
    const answer = await play(sound(500), { snd: { host: "127.0.0.1", port: peer.port } }, ask);
    assert.ok(answer.state === "finished" && answer.spokenMs! >= 500 && answer.spokenMs! < 1500);
  });
  const said = await peer.finish();
  assert.deepEqual(said[0], { type: "audio-start", data: { rate: 8000, width: 2, channels: 1 }, payload: 0 });
  const bytes = said.reduce((sum, { payload }) => sum + Number(payload), 0);
  assert.deepEqual([bytes, said.at(-1)?.type], [8000, "audio-stop"]);
});

wyomingTest(
  "a snd service that says nothing has played it 1 s after the sound; one that hangs up has not",
  async (python) => {
    await withAsk(async (ask) => {
      await using mute = await startPeerBy(python, "./wyoming_reference_peer.py", "snd", '{"mute":true}');
      const answer = await play(sound(200), { snd: { host: "127.0.0.1", port: mute.port } }, ask);
      assert.ok(answer.state === "finished" && answer.spokenMs! >= 1200 && answer.spokenMs! < 3000);
      await using leaves = await startPeerBy(
        python,
        "./wyoming_reference_peer.py",
        "snd",
        '{"hangs_up":true}',
      );
      assert.match(
        detail(await play(sound(2000), { snd: { host: "127.0.0.1", port: leaves.port } }, ask)),
        /^snd 127\.0\.0\.1:\d+ closed the connection before the end of the sound$/,
      );
    });
  },
);

Deno.test("a snd service that is not there, or is none, has half a sentence", async () => {
  await withAsk(async (ask) => {
    const port = freePort();
    const gone = await play(sound(100), { snd: { host: "127.0.0.1", port } }, ask);
    assert.equal(detail(gone), `snd 127.0.0.1:${port}: connection refused`);
    await using closing = closingPeer();
    const closed = await play(sound(2000), { snd: { host: "127.0.0.1", port: closing.port } }, ask);
    assert.match(detail(closed), /^snd 127\.0\.0\.1:\d+(:| closed the) connection/);
  });
});
