"""A Wyoming speech-to-text and text-to-speech server in the standard library, with framing of its own, so that two independent
implementations meet. Prints its port, then one JSON line per event it receives. Ends with its standard input.

Styles of writing: "block" (data in its own block), "inline" (data in the header, lengths null), "split" (byte by byte).
"""
import json
import os
import socketserver
import sys
import threading

style = sys.argv[1] if len(sys.argv) > 1 else "block"
info = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {
    "asr": [{"name": "peer", "installed": True, "models": [{"name": "tiny", "installed": True}]}],
}
lock = threading.Lock()


def say(value):
    with lock:
        print(json.dumps(value), flush=True)


def write_event(out, kind, data):
    if style == "inline":
        header = {"type": kind, "version": "1.0", "data": data, "data_length": None, "payload_length": None}
        out.write(json.dumps(header).encode() + b"\n")
        return
    block = json.dumps(data).encode()
    raw = json.dumps({"type": kind, "data_length": len(block), "payload_length": 0}).encode() + b"\n" + block
    if style == "split":
        for i in range(len(raw)):
            out.write(raw[i:i + 1])
            out.flush()
    else:
        out.write(raw)


def write_sound(out, pcm):
    header = {"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}, "payload_length": len(pcm)}
    out.write(json.dumps(header).encode() + b"\n" + pcm)


class Peer(socketserver.StreamRequestHandler):
    def handle(self):
        audio = 0
        loud = False
        while True:
            line = self.rfile.readline()
            if not line:
                return
            header = json.loads(line)
            data = dict(header.get("data") or {})
            if header.get("data_length"):
                data.update(json.loads(self.rfile.read(header["data_length"])))
            payload = self.rfile.read(header.get("payload_length") or 0)
            audio += len(payload)
            loud = loud or any(payload)
            say({"type": header["type"], "data": data, "payload": len(payload)})
            if header["type"] == "describe":
                write_event(self.wfile, "info", info)
            elif header["type"] == "audio-stop":
                say({"audio_bytes": audio, "loud": loud})
                if style == "error":
                    write_event(self.wfile, "error", {"text": "no model"})
                elif style != "hangs_up":
                    write_event(self.wfile, "transcript", {"text": "so"})
                return
            elif header["type"] == "synthesize":
                if style == "error":
                    write_event(self.wfile, "error", {"text": "no voice"})
                elif style != "hangs_up":
                    write_event(self.wfile, "audio-start", {"rate": 16000, "width": 2, "channels": 1})
                    if style != "mute":
                        write_sound(self.wfile, bytes(640))
                    write_event(self.wfile, "audio-stop", {})
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


with Server(("127.0.0.1", 0), Peer) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)
