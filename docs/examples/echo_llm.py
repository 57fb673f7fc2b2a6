"""An answerer for alexa-loader: OpenAI style, and it only repeats. Python's standard library; the port comes from the loader."""
import json
import os
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def notify(text):
    """sd_notify(3): one datagram to the loader; without one (started by hand) nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as loader:
            loader.sendto(text.encode(), address)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path != "/v1/chat/completions":  # a plain 404 says what is not offered
            return self.send_error(404)
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        said = request["messages"][-1]["content"]
        answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": f"You said: {said}"}}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Not a line for each request."""


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["ALEXA_BIND_PORT"])), Handler)
for step in range(3):  # a real one loads its model here
    notify(f"STATUS=loading, part {step + 1} of 3")
    time.sleep(0.1)
notify("READY=1")
print("Answering on port", server.server_port, flush=True)
server.serve_forever()
