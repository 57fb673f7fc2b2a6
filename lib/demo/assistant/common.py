"""What the satellite and the small engines share: Wyoming, JSON over HTTP, a log line, a datagram. Python 3.8, nothing else."""
import contextlib
import json
import os
import signal
import socket
import socketserver
from http.server import BaseHTTPRequestHandler

RATE = 16000
FORMAT = {"rate": RATE, "width": 2, "channels": 1}
LARGEST = 4 << 20  # bytes of one event


def log(text):
    """One line; the loader shows it under the service's tag and keeps it in a file."""
    print(text, flush=True)


def warn(text):
    tag = os.environ.get("ALEXA_SERVICE")
    log("%-8s WARNING = %s" % (tag.upper(), text) if tag else "WARNING: " + text)


def notify(text):
    """Tells the loader, as of sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), address)


def connect(address, timeout):
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Wyoming:
    """A connection that speaks Wyoming: one JSON line, `data_length` bytes of JSON, `payload_length` bytes."""

    def __init__(self, what, connection):
        self.what, self.socket, self.file = what, connection, connection.makefile("rb")

    @classmethod
    def to(cls, what, address, timeout):
        what = "%s at %s" % (what, address)
        with named(what):
            return cls(what, connect(address, timeout))

    def send(self, kind, data=None, payload=b""):
        block = json.dumps(data or {}).encode()
        header = {"type": kind, "data_length": len(block), "payload_length": len(payload)}
        with named(self.what):
            self.socket.sendall(json.dumps(header).encode() + b"\n" + block + payload)

    def read(self):
        """The next event: type, data, payload. Lengths may be absent or null, data in the line or behind it."""
        with named(self.what):
            line = self.file.readline(LARGEST)
            if not line.endswith(b"\n"):
                raise ValueError("it closed the connection")
            header = json.loads(line)
            lengths = [int(header.get(key) or 0) for key in ("data_length", "payload_length")]
            if not 0 <= min(lengths) <= max(lengths) <= LARGEST:
                raise ValueError("it sends more than is understood")
            data = dict(header.get("data") or {}, **(json.loads(self.file.read(lengths[0])) if lengths[0] else {}))
            if header["type"] == "error":
                raise ValueError("it says: %s" % data.get("text"))
            return header["type"], data, self.file.read(lengths[1])

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # whoever reads it in another thread wakes up
        self.file.close()
        self.socket.close()


@contextlib.contextmanager
def named(what):
    """Whatever goes wrong is an OSError that says with whom."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OSError("%s: %s" % (what, error)) from error


class JsonHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self):
        """The JSON object that was sent; None when it is none."""
        try:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}") if 0 <= size <= 1 << 20 else None
        except ValueError:
            body = None
        self.close_connection = self.close_connection or body is None
        return body if isinstance(body, dict) else None

    def answer(self, status, body):
        data = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # who asked may have gone
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_):
        pass  # the loader asks often; its questions are no news


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32


def serve(port, handler, what):
    """Until the loader asks us to stop with SIGTERM, or Ctrl-C in a terminal does."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # what has a client in hand needs no end
    with Server(("127.0.0.1", port), handler) as server:
        log("%s on 127.0.0.1:%d" % (what, server.server_address[1]))
        server.serve_forever()
