#!/usr/bin/env python3
"""Wake-word service (KWD) for alexa-loader: a start to grow from. Needs Python 3.8 and nothing else.

It speaks the whole contract of a KWD, so the loader can boot with it, pause it while the greeting is spoken, and switch
it on afterwards. What it cannot do is hear: put your engine into the two places marked "YOUR ENGINE".
The port comes from the loader, in ALEXA_BIND_PORT.
"""
import json
import os
import signal
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("ALEXA_BIND_PORT") or 5001)


def log(text):
    """One line; the loader shows it under the tag KWD and keeps it in a file."""
    print(text, flush=True)


class WakeWord:
    """Listens unless somebody has a reason against it. Each takes back only the own reason: a user's mute stays."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reasons = set()
        # YOUR ENGINE (1): load the model and open the microphone here. The port opens only after this, so the loader
        # never takes a service for ready that is not.

    def state(self):
        return {"paused": bool(self.reasons), "reasons": sorted(self.reasons)}

    def pause(self, reason):
        with self.lock:
            self.reasons.add(reason)
            log("Wake word paused (%s)" % ", ".join(sorted(self.reasons)))
            return self.state()

    def resume(self, reason):
        with self.lock:
            self.reasons.discard(reason)
            # Reset your detector here, so that it does not hear what was said during the pause.
            log("Still paused (%s)" % ", ".join(sorted(self.reasons)) if self.reasons else "Listening for the wake word")
            return self.state()

    def hear(self, samples):
        """YOUR ENGINE (2): call this with audio all the time, also while paused; then act on a detection."""
        detected = False  # for example: detected = model.predict(samples) > 0.5
        return detected and not self.reasons


def make_handler(wake_word):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # answers are short: do not hold them back

        def do_GET(self):
            if self.path in ("/ready", "/healthz"):
                self.answer(200, {"ready": True})
            elif self.path == "/control/state":
                self.answer(200, wake_word.state())
            else:
                self.answer(404, {"error": "not here"})

        def do_POST(self):
            body = self.read_json()
            if body is None:
                self.answer(400, {"error": "the body is not a JSON object"})
            elif self.path == "/control/warmup":
                begun = time.monotonic()
                wake_word.hear(bytes(16000))  # half a second of silence: the first use of a model is slow
                self.answer(200, {"ms": round((time.monotonic() - begun) * 1000)})
            elif self.path == "/control/pause":
                self.answer(200, wake_word.pause(str(body.get("reason", "user"))))
            elif self.path == "/control/resume":
                self.answer(200, wake_word.resume(str(body.get("reason", "user"))))
            elif self.path == "/control/system_ready":
                log("Told that the whole system is ready")
                # False: the loader speaks the greeting. Say True only if this program calls TTS by itself.
                self.answer(200, {"greets": False})
            else:
                self.answer(404, {"error": "not here"})

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
    wake_word = WakeWord()
    with Server(("127.0.0.1", PORT), make_handler(wake_word)) as server:
        log("Wake-word service on 127.0.0.1:%d, without an engine yet" % server.server_address[1])
        server.serve_forever()


if __name__ == "__main__":
    main()
