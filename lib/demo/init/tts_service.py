#!/usr/bin/env python3
"""Speech service (TTS) for alexa-loader: a start to grow from. Needs Python 3.8 and nothing else.

It speaks the whole contract of a TTS, and really speaks if espeak-ng, flite or (on a Mac) say is installed; else it only
takes the time that speaking would. Put your own synthesiser where it says "YOUR VOICE".
The port comes from the loader, in ALEXA_BIND_PORT.
"""
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("ALEXA_BIND_PORT") or 5004)


def log(text):
    """One line; the loader shows it under the tag TTS and keeps it in a file."""
    print(text, flush=True)


class Voice:
    """YOUR VOICE: load your model in __init__, and let speak() return when the sound has ended."""

    def __init__(self):
        self.mouth = threading.Lock()  # one text at a time
        self.process = None
        self.program = next((name for name in ("espeak-ng", "flite", "say") if shutil.which(name)), None)

    def speak(self, text, play):
        """Speaks the text, or only synthesises it when `play` is false. Raises OSError if the voice fails."""
        with self.mouth:
            if self.program is None:
                time.sleep(0.035 * len(text) if play else 0.04)
                return
            # "--" and "-t" keep a text that begins with "-" from being read as an option.
            command = {
                "espeak-ng": ["espeak-ng"] + ([] if play else ["-w", os.devnull]) + ["--", text],
                "flite": ["flite", "-t", text] + ([] if play else ["-o", os.devnull]),
                "say": ["say", "--", text] if play else ["true"],  # say cannot speak into nothing
            }[self.program]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            if self.process.wait() != 0:
                raise OSError("%s exited with %d" % (self.program, self.process.returncode))

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()


def report(url, event):
    """Tells the loader that the text has ended. It listens on this machine only, so no proxy and no other host."""
    if not url.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:")):
        return log("Not telling %s: it is not on this machine" % url)
    request = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
    except OSError as error:
        log("Could not tell the end of the speech: %s" % error)


def make_handler(voice):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # answers are short: do not hold them back

        def do_GET(self):
            if self.path in ("/ready", "/healthz"):
                self.answer(200, {"ready": True})
            else:
                self.answer(404, {"error": "not here"})

        def do_POST(self):
            body = self.read_json()
            if body is None:
                self.answer(400, {"error": "the body is not a JSON object"})
            elif self.path == "/control/warmup":
                self.speak({"text": "Warm.", "play": False})
            elif self.path == "/control/speak":
                self.speak(body)
            else:
                self.answer(404, {"error": "not here"})

        def speak(self, body):
            text, play = body.get("text"), body.get("play", True)
            if not isinstance(text, str) or not text:
                return self.answer(400, {"error": "text must be a text that is not empty"})
            # The answer waits until the sound has ended. A voice that has its own end event may answer at once instead,
            # with 202, and report the end to finished_url later: set ALEXA_REPORT=later to see it.
            url = body.get("finished_url")
            if play and isinstance(url, str) and os.environ.get("ALEXA_REPORT") == "later":
                self.answer(202, {"accepted": True})
                return report(url, dict(self.perform(text, play), tag=body.get("tag")))
            outcome = self.perform(text, play)
            self.answer(200 if outcome["ok"] else 500, dict(outcome, finished=outcome["ok"]))

        def perform(self, text, play):
            begun = time.monotonic()
            if play:
                log('Saying "%s"%s' % (" ".join(text.split()), "" if voice.program else " (silently: no voice installed)"))
            try:
                voice.speak(text, play)
            except OSError as error:
                log("Could not speak: %s" % error)
                return {"ok": False, "error": str(error)}
            ms = round((time.monotonic() - begun) * 1000)
            return {"ok": True, "ms": ms, "spoken_ms": ms if play else 0}

        def read_json(self):
            size = int(self.headers.get("Content-Length") or 0)
            if size > 65536:
                self.close_connection = True
                return None
            try:
                body = json.loads(self.rfile.read(size) or b"{}")
            except ValueError:
                return None
            return body if isinstance(body, dict) else None

        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass  # the loader asks often; its questions are no news

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own would look up this machine's name, which can be slow


def main():
    # The loader asks us to stop with SIGTERM; Ctrl-C in a terminal is the same request.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    voice = Voice()
    try:
        with Server(("127.0.0.1", PORT), make_handler(voice)) as server:
            log("Speech service on 127.0.0.1:%d, voice: %s" % (server.server_address[1], voice.program or "none installed"))
            server.serve_forever()
    finally:
        voice.close()


if __name__ == "__main__":
    main()
