#!/usr/bin/python3
"""The engines of the all-Debian assistant: pocketsphinx hears, flite speaks, and rules answer (no language model).

    debian_engines.py wake    the wake word, over Wyoming     debian_engines.py llm    answers, OpenAI style
    debian_engines.py stt     speech to text, over Wyoming    debian_engines.py tts    the voice, over Wyoming

Needs: apt install pocketsphinx pocketsphinx-en-us python3-pocketsphinx flite (the binding is for /usr/bin/python3).
The port comes from the loader, in ALEXA_BIND_PORT.
"""
import array
import json
import os
import random
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import time
import wave

from common import FORMAT, JsonHandler, Wyoming, log, serve, warn

MODELS = "/usr/share/pocketsphinx/model/en-us/"
WORD = os.environ.get("ALEXA_WORD") or "alexa"
VOICE = os.environ.get("ALEXA_DEFAULT_VOICE") or "awb"


def described(name, more):
    return dict({"name": name, "installed": True, "description": name, "version": "1",
                 "attribution": {"name": "Debian", "url": "https://www.debian.org"}}, **more)


class WyomingHandler(socketserver.BaseRequestHandler):
    """One client. An engine answers `describe` and defines on_EVENT(data, payload) for what else it understands."""

    def handle(self):
        client = Wyoming("a client", self.request)
        self.send = client.send
        try:
            while True:
                kind, data, payload = client.read()
                getattr(self, "on_" + kind.replace("-", "_"), lambda *_: None)(data, payload)
        except (OSError, ValueError) as error:
            if not str(error).endswith(("it closed the connection", "reset by peer", "Broken pipe")):
                warn(str(error))

    def on_describe(self, *_):
        self.send("info", self.info)


class Decoders:
    """Recognisers ready to use: one is loaded before the port opens, more as clients come. None serves two at once."""

    def __init__(self, option, value):
        try:
            from pocketsphinx.pocketsphinx import Decoder
        except ImportError:
            sys.exit("pocketsphinx is not there for %s: apt install pocketsphinx pocketsphinx-en-us python3-pocketsphinx"
                     % sys.executable)

        def load():
            config = Decoder.default_config()
            for key, text in (("-hmm", MODELS + "en-us"), ("-dict", MODELS + "cmudict-en-us.dict"), ("-logfn", os.devnull),
                              ("-cmn", "live" if option == "-keyphrase" else "batch")):
                config.set_string(key, text)
            config.set_string(option, value)
            config.set_float("-kws_threshold", 1e-5)
            return Decoder(config)

        self.load, self.free = load, [load()]

    def take(self):
        try:
            return self.free.pop()
        except IndexError:
            return self.load()


class Hearing(WyomingHandler):
    """A client that sends sound; it has a decoder of its own while it is connected."""

    decoders = None  # shared by all clients

    def setup(self):
        self.decoder, self.began = self.decoders.take(), False

    def finish(self):
        self.end()
        self.decoders.free.append(self.decoder)

    def end(self):
        if self.began:
            self.decoder.end_utt()
        self.began = False

    def on_audio_start(self, data, _):
        if any(data.get(key, value) != value for key, value in FORMAT.items()):
            raise ValueError("16 kHz, 16 bit, mono is understood, not %s" % data)
        self.end()
        self.decoder.start_utt()
        self.began, self.fed = True, 0


class Wake(Hearing):
    info = {"wake": [described("pocketsphinx", {"models": [described(WORD, {"languages": ["en"], "phrase": WORD})]})]}
    heard = False

    def on_audio_chunk(self, data, sound):
        if not self.began:
            self.on_audio_start(data, b"")
        self.decoder.process_raw(sound, False, False)
        self.fed += len(sound)
        if self.decoder.hyp() is not None:
            self.heard = True
            log("Heard the wake word")
            self.send("detection", {"name": WORD, "timestamp": int(self.fed / 32)})
            self.on_audio_start({}, b"")
        elif self.fed > 60 * 32000 and max(map(abs, array.array("h", sound)), default=0) < 300:
            self.on_audio_start({}, b"")  # between two words, so that an utterance does not grow for ever

    def on_audio_stop(self, *_):
        if not self.heard:
            self.send("not-detected")
        self.heard = False
        self.end()


class Transcriber(Hearing):
    """Decodes when all has been said, so that how loud it was is judged by itself, and not by what was heard before."""

    info = {"asr": [described("pocketsphinx", {"models": [described("en-us", {"languages": ["en"]})]})]}
    sound = b""

    def on_audio_start(self, data, payload):
        super().on_audio_start(data, payload)
        self.sound = bytearray()

    def on_audio_chunk(self, data, sound):
        if not self.began:
            self.on_audio_start(data, b"")
        self.sound += sound[:60 * 32000 - len(self.sound)]  # a minute at most

    def on_audio_stop(self, *_):
        if self.began:
            self.decoder.process_raw(bytes(self.sound), False, True)
        self.end()
        found = self.decoder.hyp()
        self.send("transcript", {"text": found.hypstr if found else "", "language": "en"})


class Voice(WyomingHandler):
    info = {"tts": [described("flite", {"voices": [described(VOICE, {"languages": ["en"], "speakers": None})]})]}

    def on_synthesize(self, data, _):
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            text = str(data.get("text") or "")[:4000]
            done = subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", file.name], stderr=subprocess.PIPE)
            if done.returncode != 0:
                return self.send("error", {"text": "flite: " + done.stderr.decode(errors="replace")[:200]})
            with wave.open(file.name) as sound:
                form = {"rate": sound.getframerate(), "width": sound.getsampwidth(), "channels": sound.getnchannels()}
                pcm = sound.readframes(sound.getnframes())
        self.send("audio-start", form)
        for at in range(0, len(pcm), 4096):
            self.send("audio-chunk", form, pcm[at:at + 4096])
        self.send("audio-stop")


NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
JOKES = ["Why did the loader cross the road? It waited until the other side was ready.",
         "I told my service a joke. It did not answer, so I started it again."]


def reply(question):
    """By rules. It says so where it has none, rather than pretend to think."""
    words = question.lower()
    sum_of = re.search(r"(\w+) (plus|and|minus|times) (\w+)", words)
    numbers = [NUMBERS.index(word) for word in sum_of.group(1, 3) if word in NUMBERS] if sum_of else []
    if len(numbers) == 2:
        left, right = numbers
        result = {"minus": left - right, "times": left * right}.get(sum_of.group(2), left + right)
        return "That makes %d." % result
    rules = [
        (r"\btime\b", lambda: "It is %s." % time.strftime("%H:%M").lstrip("0")),
        (r"\b(date|day is|today is)\b", lambda: time.strftime("Today is %A, the %d of %B.").replace(" 0", " ")),
        (r"\b(your name|who are you|what are you)\b", lambda: "I am Alexa. I answer by rules. There is no language model in me."),
        (r"\bjoke\b", lambda: random.choice(JOKES)),
        (r"\bweather\b", lambda: "I cannot see outside. There is no rule in me for the weather."),
        (r"\bhow are you\b", lambda: "All my services are running. Thank you."),
        (r"\b(hello|good morning|good evening)\b", lambda: "Hello. What can I do for you?"),
        (r"\bthank", lambda: "You are welcome."),
    ]
    for pattern, say in rules:
        if re.search(pattern, words):
            return say()
    return "I answer by rules only, and I have no rule for that."


class Answers(JsonHandler):
    """The part of an OpenAI-style server that an assistant asks."""

    model = "rules-not-a-language-model"

    def do_GET(self):
        pages = {"/health": {"status": "ok"},
                 "/v1/models": {"object": "list", "data": [{"id": self.model, "object": "model"}]}}
        self.answer(200 if self.path in pages else 404, pages.get(self.path, {"error": {"message": "not here"}}))

    def do_POST(self):
        body = self.body()
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            return self.answer(404, {"error": {"message": "not here"}})
        chat = self.path == "/v1/chat/completions"
        try:
            question = str(body["messages"][-1]["content"] if chat else body["prompt"])
            tokens = re.findall(r"\S+\s*", reply(question))[:int(body.get("max_tokens") or 100)]
        except (ValueError, KeyError, TypeError, IndexError):
            return self.answer(400, {"error": {"message": "no messages, or no prompt"}})
        if not body.get("stream"):
            text = "".join(tokens)
            choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            return self.answer(200, {"model": self.model, "choices": [dict(choice, index=0, finish_reason="stop")]})
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for token in tokens:
            choice = {"delta": {"content": token}} if chat else {"text": token}
            self.wfile.write(b"data: " + json.dumps({"choices": [dict(choice, index=0)]}).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")


def main(role):
    if role == "wake":
        Wake.decoders = Decoders("-keyphrase", WORD)
    elif role == "stt":
        Transcriber.decoders = Decoders("-lm", MODELS + "en-us.lm.bin")
    elif role == "tts" and not shutil.which("flite"):
        sys.exit("flite is not there: apt install flite")
    elif role == "llm":
        log("No language model: this answers by a few rules, and says so")
    handler = {"wake": Wake, "stt": Transcriber, "tts": Voice, "llm": Answers}[role]
    serve(int(os.environ.get("ALEXA_BIND_PORT") or 0), handler, role)


if __name__ == "__main__":
    if sys.argv[1:] not in (["wake"], ["stt"], ["tts"], ["llm"]):
        sys.exit("say which: wake, stt, llm or tts")
    main(sys.argv[1])
