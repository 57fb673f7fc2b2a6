"""Wyoming services made with the reference library (PyPI wyoming), so that our own reading and writing meets it. The first
argument says what it is: tts, snd, satellite, asr or wake; the second, JSON, how it behaves. Prints its port, then one JSON
line per event it receives. Ends with its standard input.
"""
import asyncio
import json
import os
import socket
import sys
import threading
import time

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioFormat, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import (AsrModel, AsrProgram, Attribution, Describe, Info, Satellite, SndProgram, TtsProgram, TtsVoice,
                          WakeModel, WakeProgram)
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.snd import Played
from wyoming.tts import Synthesize

kind = sys.argv[1]
how = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
who = Attribution(name="peer", url="http://localhost")
common = {"attribution": who, "installed": True, "version": "1", "description": None}


def info():
    models = how.get("names", ["alexa_v0.1"])
    if kind == "tts":
        voices = [TtsVoice(name=name, languages=["en"], **common) for name in models]
        return Info(tts=[TtsProgram(name="piper", voices=voices, **common)])
    if kind == "wake":
        known = [WakeModel(name=name, languages=["en"], phrase=None, **common) for name in models]
        return Info(wake=[WakeProgram(name="openwakeword", models=known, **common)])
    if kind == "asr":
        known = [AsrModel(name=name, languages=["en"], **common) for name in models]
        return Info(asr=[AsrProgram(name="faster-whisper", models=known, **common)])
    if kind == "snd":
        return Info(snd=[SndProgram(name="snd", snd_format=AudioFormat(rate=22050, width=2, channels=1), **common)])
    return Info(satellite=Satellite(name="satellite", area=None, **common))


class Owner:
    """A satellite obeys its first client until that leaves, as wyoming-satellite does."""
    client = None


class Peer(AsyncEventHandler):
    heard = 0

    async def handle_event(self, event):
        print(json.dumps({"type": event.type, "data": event.data, "payload": len(event.payload or b"")}), flush=True)
        if Describe.is_type(event.type):
            await self.write_event(info().event())
            return True
        if kind == "satellite":
            Owner.client = Owner.client or self
            if Owner.client is not self:
                return False
            if Ping.is_type(event.type) and not how.get("no_pong"):
                await self.write_event(Pong(text=Ping.from_event(event).text).event())
        elif Synthesize.is_type(event.type):
            return await self.speak(Synthesize.from_event(event))
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            self.heard += len(chunk.audio) / (chunk.rate * chunk.width * chunk.channels)
        elif AudioStop.is_type(event.type) and kind == "snd":
            if how.get("hangs_up"):
                return False
            if not how.get("mute"):
                await asyncio.sleep(self.heard)
                await self.write_event(Played().event())
        elif AudioStop.is_type(event.type) and kind == "asr":
            await self.write_event(Transcript(text="so").event())
        return True

    async def speak(self, request):
        done = time.monotonic() + how.get("stalls", 0)
        while time.monotonic() < done:  # as piper does: nobody is answered while it works
            pass
        known = how.get("names")
        if known and request.voice and request.voice.name not in known:
            await self.write_event(Error(text=request.voice.name, code="VoiceNotFoundError").event())
            return False
        format = {"rate": 22050, "width": 2, "channels": 1}
        await self.write_event(AudioStart(**format).event())
        for _ in range(how.get("tenths", 3)):
            await self.write_event(AudioChunk(audio=b"\1\2" * 2205, **format).event())
        await self.write_event(AudioStop().event())
        return True

    async def disconnect(self):
        if Owner.client is self:
            Owner.client = None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def main():
    port = how.get("port") or free_port()
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(Peer)
    print(port, flush=True)
    await asyncio.Event().wait()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


if "port" not in how:  # else it is a service, which is stopped by a signal
    threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run(main())
