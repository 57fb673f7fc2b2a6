#!/usr/bin/env python3
"""A room without a sound card: carries 16 kHz mono 16-bit PCM in real time over TCP, in place of speaker and microphone.

Who connects says in one line who it is, and then sends or gets raw PCM:

    speaker      its sound is heard in the room; the connection is closed when the last sample has been played
    person       the same, but it is nobody's loudspeaker: `ear` does not get it, and no output latency delays it
    microphone   gets all that is heard in the room, with the room's noise, 20 ms at a time
    ear          gets only what the loudspeakers play
    set KEY VALUE   noise (rms of a sample, 30), latency_ms (of the loudspeakers, 0), microphone (on, dead, silent:
                 dead sends nothing any more, silent sends zeros), speaker (on, muted); answers one line

    room.py                              the room; the port comes from the loader, in ALEXA_BIND_PORT
    room.py microphone HOST:PORT         as a recorder: the room's sound to stdout
    room.py speaker HOST:PORT [RATE]     as a player: PCM of RATE Hz (16000) from stdin; exits when it has been played

Needs Python 3.8 and nothing else.
"""
import array
import collections
import os
import signal
import socket
import sys

RATE = 16000
FRAME = 640  # bytes of 20 ms
SILENCE = bytes(FRAME)
MOST_AHEAD = 2 * 32000  # a player may be this many bytes ahead of what is heard
setting = {
    "noise": float(os.environ.get("ALEXA_ROOM_NOISE") or 30),
    "latency_ms": float(os.environ.get("ALEXA_ROOM_LATENCY_MS") or 0),
    "microphone": os.environ.get("ALEXA_ROOM_MICROPHONE") or "on",
    "speaker": "on",
}


class Source:
    """What a speaker or a person has sent and the room has not heard yet."""

    def __init__(self, kind):
        self.kind, self.sound, self.ended, self.heard = kind, bytearray(), False, asyncio.Event()

    def take(self):
        frame = bytes(self.sound[:FRAME]).ljust(FRAME, b"\0")
        del self.sound[:FRAME]
        if self.ended and not self.sound:
            self.heard.set()
        return frame


def resampled(pcm, rate):
    samples, step = array.array("h", pcm), rate / RATE
    places = (number * step for number in range(int((len(samples) - 1) / step)))
    return array.array("h", [int(samples[int(at)] + (samples[int(at) + 1] - samples[int(at)]) * (at % 1))
                             for at in places]).tobytes()


def mix(frames):
    if len(frames) == 1:
        return frames[0]
    sums = [sum(samples) for samples in zip(*(array.array("h", frame) for frame in frames))]
    return array.array("h", [max(-32768, min(32767, value)) for value in sums]).tobytes()


class Room:
    def __init__(self):
        self.sources, self.listeners = [], []
        self.delayed = collections.deque()  # what the loudspeakers were given and do not sound yet
        # Ten seconds of noise, made once: a random number for each sample would cost a tenth of a core.
        chance = random.Random(7)
        self.noise = array.array("h", [int(chance.gauss(0, 100)) for _ in range(160000)])
        self.at = 0

    async def run(self):
        """One frame every 20 ms; one that comes late is made up for, as a sound card's clock would."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self.tick()
            due += 0.02
            await asyncio.sleep(max(0.0, due - clock()))

    def tick(self):
        playing = [source for source in self.sources if source.sound or source.ended]
        taken = [(source.kind, source.take()) for source in playing]
        self.delayed.append(mix([frame for kind, frame in taken if kind == "speaker"] or [SILENCE]))
        wanted = 1 + int(setting["latency_ms"] / 20)
        while len(self.delayed) > wanted:
            self.delayed.popleft()  # the latency was lowered just now
        speakers = self.delayed.popleft() if len(self.delayed) == wanted else SILENCE
        if setting["speaker"] == "muted":
            speakers = SILENCE
        noise = array.array("h", [int(value * setting["noise"] / 100) for value in self.noise[self.at:self.at + 320]])
        self.at = (self.at + 320) % len(self.noise)
        heard = mix([speakers, noise.tobytes()] + [frame for kind, frame in taken if kind == "person"])
        for kind, writer in self.listeners:
            if kind == "microphone" and setting["microphone"] == "dead":
                continue
            frame = speakers if kind == "ear" else SILENCE if setting["microphone"] == "silent" else heard
            if writer.transport.get_write_buffer_size() < MOST_AHEAD:  # who does not read misses it
                writer.write(frame)

    async def meet(self, reader, writer):
        listener = None
        try:
            kind, *words = (await reader.readline()).decode().split() or [""]
            if kind in ("speaker", "person"):
                await self.play(Source(kind), reader)
            elif kind in ("microphone", "ear"):
                listener = (kind, writer)
                self.listeners.append(listener)
                await reader.read()
            elif kind == "set" and len(words) == 2 and words[0] in setting:
                setting[words[0]] = words[1] if words[0] in ("microphone", "speaker") else float(words[1])
                writer.write(b"ok\n")
            else:
                writer.write(b"say speaker, person, microphone, ear, or set KEY VALUE\n")
        except (ConnectionError, ValueError):
            pass
        finally:
            if listener:
                self.listeners.remove(listener)
            writer.close()

    async def play(self, source, reader):
        self.sources.append(source)
        try:
            while True:
                sound = await reader.read(FRAME)
                if not sound:
                    break
                source.sound += sound
                while len(source.sound) > MOST_AHEAD:
                    await asyncio.sleep(0.02)
            source.ended = True
            await source.heard.wait()
        finally:
            self.sources.remove(source)


async def hold():
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    room = Room()
    server = await asyncio.start_server(room.meet, "127.0.0.1", int(os.environ.get("ALEXA_BIND_PORT") or 0))
    print("A room without walls on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    ticking = asyncio.ensure_future(room.run())
    await asyncio.wait([ticking, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    if ticking.done():
        ticking.result()  # what went wrong


def visit(kind, address, rate=RATE):
    """In place of a recorder or a player."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as room:
        room.settimeout(None)
        room.sendall(kind.encode() + b"\n")
        if kind in ("microphone", "ear"):
            for frame in iter(lambda: room.recv(FRAME), b""):
                sys.stdout.buffer.write(frame)
                sys.stdout.buffer.flush()
            return
        for sound in iter(lambda: sys.stdin.buffer.read1(int(rate) // 5 * 2), b""):
            sound += sys.stdin.buffer.read(len(sound) % 2)  # whole samples
            room.sendall(sound if int(rate) == RATE else resampled(sound, int(rate)))
        room.shutdown(socket.SHUT_WR)
        room.recv(1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        try:
            visit(*sys.argv[1:])
        except (OSError, KeyboardInterrupt) as error:
            sys.exit("room: %s" % error)
    else:
        import asyncio  # here, since a player must start quickly
        import random

        asyncio.run(hold())
