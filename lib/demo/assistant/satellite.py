#!/usr/bin/env python3
"""Satellite (KWD) for alexa-loader: the part of an assistant between its engines. Python 3.8, nothing else; made to be grown.

microphone -> wake service (Wyoming) -> what is said, until it is silent -> STT (Wyoming) -> language model (OpenAI style,
streaming) -> TTS (Wyoming), sentence by sentence -> speaker -> listens again.

To the loader it is a KWD (CONTRACT §5: pause, resume, system_ready) and, since the speaker is its own, it can speak for the
TTS too (speak). The port comes from the loader, in ALEXA_BIND_PORT. Each turn is told to NOTIFY_SOCKET in one datagram:

X_ALEXA_TURN={"turn":3,"outcome":"answered","ms":{"end_of_speech":1830,"text":2410,"first_token":2555,"first_audio":2840,"end":5120}}

`ms` counts from the wake word, each stage at or after the one before; one that was not reached is left out, `end` never is.
`outcome` is answered, nothing_said, no_answer or failed. No words and no sound are told, nor logged without --transcripts.
"""
import argparse
import array
import contextlib
import json
import math
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from common import FORMAT, RATE, JsonHandler, Wyoming, log, notify, serve, warn

FRAME = 640  # bytes of 20 ms
# After the wake word: how long its own end may be, what is no speech yet, what silence ends it, how long it is waited for.
LONGEST_TAIL_SEC, LEAST_SPEECH_SEC, SILENCE_SEC, PATIENCE_SEC, LONGEST_SEC = 0.5, 0.2, 0.7, 4.0, 12.0
RUN_IN_SEC = 2.0  # a detector must have heard something, be it silence, before it hears a word
# In PulseAudio's and ALSA's words, which PipeWire understands, too; its own tools write raw sound only since 1.2.
RECORDERS = ["parecord --raw --latency-msec=20 --rate=16000 --channels=1 --format=s16le", "arecord -q -t raw -f S16_LE -r 16000 -c 1",
             "pw-record --raw --rate 16000 --channels 1 --format s16 -"]
PLAYERS = ["paplay --raw --latency-msec=50 --rate={rate} --channels=1 --format=s16le", "aplay -q -t raw -f S16_LE -r {rate} -c 1",
           "pw-play --raw --rate {rate} --channels 1 --format s16 -"]


def sound_tool(wish, commands, **values):
    """The configured command, or the first of these that is installed."""
    command = wish or next((line for line in commands if shutil.which(line.split()[0])), None)
    if command is None:
        raise OSError("no sound tool: install one of " + ", ".join(line.split()[0] for line in commands))
    return command.format(python=sys.executable, **values).split()


def loudness(frame):
    samples = array.array("h", frame)
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


class Satellite:
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.mouth = threading.Lock()  # one text at a time
        self.reasons = set()  # why it does not listen; each takes back only the own one, so that a person's mute stays
        # One that the loader has started waits to be told that the others are there: nothing could answer before.
        self.told = "ALEXA_BOOT_ID" not in os.environ
        self.news = queue.Queue()  # ("sound", when, frame) and, of a detector, ("heard" | "lost" | "reset", detector, what)
        self.detector, self.listening = None, threading.Event()
        self.fresh_at = 0.0  # what was said before is none of the detector's business
        self.retry_at = self.ignored_at = self.last_sound = 0.0
        self.floor = 100.0  # loudness of the room while nobody speaks
        self.turns, self.in_turn = 0, False

    # The microphone and the wake word

    def record(self):
        """Sound, frame by frame, for ever; a microphone that ends is opened again."""
        while True:
            try:
                recorder = subprocess.Popen(sound_tool(self.options.microphone, RECORDERS), stdout=subprocess.PIPE)
                for frame in iter(lambda: recorder.stdout.read(FRAME), b""):
                    if len(frame) == FRAME:
                        self.last_sound = time.monotonic()
                        self.news.put(("sound", self.last_sound, frame))
                time.sleep(0.3)  # if we are stopped, too, there is nothing to tell
                warn("the microphone has ended (%s exited with %d)" % (recorder.args[0], recorder.wait()))
            except OSError as error:
                warn("no microphone: %s" % error)
            time.sleep(1)

    def run(self):
        zeros = 0
        while True:
            kind, what, value = self.news.get()
            if kind == "sound":
                level = loudness(value)
                self.floor = min(max(level, 5.0), self.floor * 1.01)
                zeros = 0 if level else zeros + 1
                if zeros == 500:
                    warn("the microphone gives nothing but zeros for 10 s: is it muted, or the wrong one?")
                if what >= self.fresh_at:
                    self.listen_to(what, value)
            elif what is not self.detector:
                pass  # of one that was closed
            elif kind == "heard" and self.paused():
                if time.monotonic() - self.ignored_at > 2:  # some detectors tell of one word many times
                    log("Wake word not acted upon: paused")
                self.ignored_at = time.monotonic()
            else:
                self.in_turn = kind == "heard"
                self.close_detector()
                if kind == "lost":
                    warn(str(value))
                    continue
                if kind == "heard":
                    self.turn()
                    self.fresh_at = time.monotonic()
                    self.in_turn = False
                self.retry_at = 0.0
                self.listen_to(self.fresh_at, b"")

    def listen_to(self, when, frame):
        try:
            if self.detector is None:
                if when < self.retry_at:
                    return
                self.retry_at = when + 0.25
                detector = Wyoming.to("wake word", self.options.wake, 5)
                detector.send("detect", {"names": [self.options.word]})
                detector.send("audio-start", FORMAT)
                detector.send("audio-chunk", FORMAT, bytes(int(RUN_IN_SEC * RATE) * 2))
                detector.socket.settimeout(None)
                threading.Thread(target=self.watch, args=[detector], daemon=True).start()
                self.detector = detector
                self.listening.set()
            if frame:
                self.detector.send("audio-chunk", FORMAT, frame)
        except OSError as error:
            self.news.put(("lost", self.detector, error))

    def watch(self, detector):
        try:
            while True:
                if detector.read()[0] == "detection":
                    self.news.put(("heard", detector, None))
        except OSError as error:
            self.news.put(("lost", detector, error))

    def close_detector(self):
        self.listening.clear()
        if self.detector:
            self.detector.close()
        self.detector = None

    # One turn: from the wake word to the last word of the answer

    def turn(self):
        began = time.monotonic()
        self.turns += 1
        ms, outcome = {}, "failed"

        def reached(stage):
            ms.setdefault(stage, round((time.monotonic() - began) * 1000))

        log("Turn %d: wake word heard" % self.turns)
        try:
            text = self.hear_out(reached)
            self.transcript("heard", text)
            outcome = self.answer(text, reached) if text else "nothing_said"
        except OSError as error:
            warn("turn %d: %s" % (self.turns, error))
        reached("end")
        log("Turn %d: %s (%s)" % (self.turns, outcome.replace("_", " "), ", ".join("%s %d ms" % pair for pair in ms.items())))
        told = {"turn": self.turns, "outcome": outcome, "ms": ms}
        notify("X_ALEXA_TURN=" + json.dumps(told, separators=(",", ":")))

    def transcript(self, verb, text):
        if self.options.transcripts:
            log("Turn %d: %s %s" % (self.turns, verb, json.dumps(text)))

    def hear_out(self, reached):
        """Sends what is said to STT until it is silent; returns its text, which may be empty."""
        stt = Wyoming.to("STT", self.options.stt, 30)
        with contextlib.closing(stt):
            stt.send("transcribe", {"language": self.options.language})
            stt.send("audio-start", FORMAT)
            began, speech, quiet = time.monotonic(), 0.0, 0.0
            threshold = max(4 * self.floor, 150.0)
            tail = []  # what may be the end of the wake word, until it is quiet: then it is left out
            while quiet < (SILENCE_SEC if speech >= LEAST_SPEECH_SEC else PATIENCE_SEC):
                try:
                    kind, _, frame = self.news.get(timeout=2)
                except queue.Empty:
                    raise OSError("no sound from the microphone") from None
                if kind != "sound":
                    continue
                loud = loudness(frame) > threshold
                speech, quiet = speech + 0.02 * loud, 0.0 if loud else quiet + 0.02
                if tail is None:
                    stt.send("audio-chunk", FORMAT, frame)
                else:
                    tail.append(frame)
                    if quiet >= 0.1:
                        tail, speech = tail[-5:], 0.0
                    if quiet >= 0.1 or len(tail) * 0.02 >= LONGEST_TAIL_SEC:
                        stt.send("audio-chunk", FORMAT, b"".join(tail))
                        tail = None
                if time.monotonic() - began > LONGEST_SEC:
                    break
            reached("end_of_speech")
            if speech < LEAST_SPEECH_SEC:
                return ""
            stt.send("audio-stop")
            kind = ""
            while kind != "transcript":
                kind, data, _ = stt.read()
            reached("text")
            return str(data.get("text") or "").strip()

    def answer(self, question, reached):
        """Speaks each sentence while the model thinks about the next."""
        sentences = queue.Queue()

        def think():
            try:
                for sentence in self.sentences(question, reached):
                    self.transcript("says", sentence)
                    sentences.put(sentence)
                sentences.put(None)
            except Exception as error:  # whatever it is, the turn must end
                sentences.put(OSError("LLM at %s: %s" % (self.options.llm, error)))

        threading.Thread(target=think, daemon=True).start()
        seconds = self.speak(iter(sentences.get, None), lambda: reached("first_audio"))
        return "answered" if seconds else "no_answer"

    def sentences(self, question, reached):
        """What the model says, sentence by sentence."""
        chat = "{question}" not in self.options.prompt
        body = {"stream": True, "max_tokens": 120, "temperature": 0}
        if self.options.model:
            body["model"] = self.options.model
        if chat:
            body["messages"] = [{"role": "system", "content": self.options.prompt}, {"role": "user", "content": question}]
        else:
            body.update(prompt=self.options.prompt.replace("\\n", "\n").replace("{question}", question), stop=["\n"])
        url = self.options.llm.rstrip("/") + ("/v1/chat/completions" if chat else "/v1/completions")
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        here = urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        opener = urllib.request.build_opener(*[urllib.request.ProxyHandler({})] if here else [])
        text = ""
        with opener.open(request, timeout=60) as answer:
            for line in answer:
                if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
                    continue
                for choice in json.loads(line[5:]).get("choices", []):
                    text += (choice.get("delta", {}).get("content") if chat else choice.get("text")) or ""
                if text.strip():
                    reached("first_token")
                *whole, text = re.split(r"(?<=[.!?;:])\s+", text)
                yield from filter(None, whole)
        if text.strip():
            yield text

    def speak(self, sentences, on_sound=lambda: None, play=True):
        """Synthesises the sentences and plays them. Returns the seconds of sound, after the last of it was heard."""
        player, seconds = None, 0.0
        with self.mouth:
            try:
                for sentence in sentences:
                    if isinstance(sentence, OSError):
                        raise sentence
                    for rate, pcm in self.synthesis(sentence.strip()):
                        if player is None and play:
                            command = sound_tool(self.options.speaker, PLAYERS, rate=rate)
                            player = subprocess.Popen(command, stdin=subprocess.PIPE)
                        if player:
                            player.stdin.write(pcm)
                            player.stdin.flush()
                        on_sound()
                        seconds += len(pcm) / 2 / rate
            finally:
                if player:
                    with contextlib.suppress(OSError):
                        player.stdin.close()
                    player.wait()
        if player and player.returncode != 0:
            raise OSError("%s exited with %d" % (player.args[0], player.returncode))
        return seconds

    def synthesis(self, text):
        with contextlib.closing(Wyoming.to("TTS", self.options.tts, 60)) as tts:
            voice = {"voice": {"name": self.options.voice}} if self.options.voice else {}
            tts.send("synthesize", dict(voice, text=text))
            kind = ""
            while kind != "audio-stop":
                kind, data, pcm = tts.read()
                if pcm:
                    yield int(data.get("rate") or RATE), pcm

    # What the loader asks (CONTRACT §5)

    def paused(self):
        return bool(self.reasons) or not self.told

    def state(self):
        return {"paused": self.paused(), "reasons": sorted(self.reasons)}

    def pause(self, reason):
        with self.lock:
            self.reasons.add(reason)
            log("Wake word paused (%s)" % ", ".join(sorted(self.reasons)))
            return 200, self.state()

    def resume(self, reason):
        """Listens again, to what is said from now on, with a detector that has heard nothing before."""
        with self.lock:
            self.reasons.discard(reason)
            self.told = True
            if not self.in_turn:  # at whose end it listens again anyway
                self.fresh_at = time.monotonic()
                self.listening.clear()
                self.news.put(("reset", self.detector, None))
        if not self.in_turn and not self.listening.wait(1.5):
            return 503, {"error": self.why_not_ready()}  # so the loader asks again
        log("Still paused (%s)" % ", ".join(sorted(self.reasons)) if self.reasons else "Listening for the wake word")
        return 200, self.state()

    def why_not_ready(self):
        if time.monotonic() - self.last_sound > 2:
            return "no sound from the microphone"
        return None if self.listening.is_set() or self.in_turn else "no wake word at %s" % self.options.wake

    def say(self, text, play):
        try:
            seconds = self.speak([text], play=play)
            return 200, {"finished": True, "ok": True, "spoken_ms": round(seconds * 1000) if play else 0}
        except OSError as error:
            warn("could not speak: %s" % error)
            return 500, {"finished": False, "ok": False, "error": str(error)}

    def system_ready(self):
        self.told = True
        return 200, {"greets": False}


def make_handler(satellite):
    class Handler(JsonHandler):
        def do_GET(self):
            why = satellite.why_not_ready()
            self.answer(*(503, {"ready": False, "why": why}) if why else (200, dict(satellite.state(), ready=True)))

        def do_POST(self):
            body = self.body()
            if body is None:
                return self.answer(400, {"error": "the body is not a JSON object"})
            reason = str(body.get("reason", "user"))
            verbs = {
                "/control/pause": lambda: satellite.pause(reason),
                "/control/resume": lambda: satellite.resume(reason),
                "/control/system_ready": satellite.system_ready,
                "/control/speak": lambda: satellite.say(str(body.get("text") or "Warm."), body.get("play") is not False),
                "/control/warmup": lambda: (200, {}),  # the detector hears the room all the time
            }
            self.answer(*verbs.get(self.path, lambda: (404, {"error": "not here"}))())

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wake", required=True, help="HOST:PORT of the wake service")
    parser.add_argument("--word", default="alexa", help="the wake word, as the wake service names it")
    parser.add_argument("--stt", required=True, help="HOST:PORT of speech to text")
    parser.add_argument("--language", default="en")
    parser.add_argument("--llm", required=True, help="address of an OpenAI-style server, without /v1")
    parser.add_argument("--model", help="the model to ask for, where the server has several")
    parser.add_argument("--prompt", default="You are Alexa, a voice assistant. Answer in one or two short sentences.",
                        help="what a chat begins with; or, with {question} in it, all that a model is to complete")
    parser.add_argument("--tts", required=True, help="HOST:PORT of text to speech")
    parser.add_argument("--voice", help="the voice, where the server has several")
    parser.add_argument("--microphone", help="command that writes 16 kHz 16-bit mono PCM; found by itself when left out")
    parser.add_argument("--speaker", help="command that plays such PCM of {rate} Hz; found by itself when left out")
    parser.add_argument("--transcripts", action="store_true", help="log what was heard and what is answered")
    satellite = Satellite(parser.parse_args())
    for work in (satellite.record, satellite.run):
        threading.Thread(target=work, daemon=True).start()
    serve(int(os.environ.get("ALEXA_BIND_PORT") or 5001), make_handler(satellite), "Satellite")


if __name__ == "__main__":
    main()
