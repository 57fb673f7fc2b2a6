"""A service as cheap as one can be (about 20 ms to its first instruction), with faults on demand: POST /chaos {"do": …}.

  exit {code}    ends at once                        hang         answers nobody any more
  unhealthy      500 to every health check           deaf         ignores SIGTERM from now on
  flood {lines}  so many lines to standard output    grandchild   a sleeper in a session of its own, whose parent is gone
  helper         a sleeper in our group that keeps the listening socket
  zombie         a short-lived orphan: whoever inherits it must reap it

`service.py thief PORT` is nobody's service: it takes the port as soon as it can be had and keeps it.
Every stamp is a line of JSON in $ALEXA_STAMPS/<service>.jsonl with CLOCK_MONOTONIC in ns and the boot it belongs to.
"""
import json
import os
import select
import signal
import socket
import sys
import time

signal.alarm(int(os.environ.get("FIXTURE_MAX_LIFE_SEC", "90")))  # nothing outlives its test for long
name = os.environ.get("ALEXA_SERVICE", "thief")


def listen(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(64)
    return server


if sys.argv[1:2] == ["thief"]:
    while True:
        try:
            taken = listen(int(sys.argv[2]))
            break
        except OSError:
            time.sleep(0.001)
    print("taken", flush=True)
    while True:
        time.sleep(60)


def stamp(event, **more):
    entry = dict(more, event=event, t=time.monotonic_ns(), pid=os.getpid(), service=name,
                 boot=os.environ.get("ALEXA_BOOT_ID"))
    file = os.open("%s/%s.jsonl" % (os.environ["ALEXA_STAMPS"], name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(file, (json.dumps(entry) + "\n").encode())  # one write: lines of several processes never mix
    os.close(file)


def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
        except OSError as error:
            print("cannot notify: %s" % error, flush=True)


def orphan(argv):
    """Runs argv with nobody as its parent, in a session of its own."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    os.execvp(argv[0], argv)


def sleeper():
    return ["sleep", "90.%d" % os.getpid()]  # its command says whose it is


stamp("start")
time.sleep(float(os.environ.get("CHAOS_LOAD_MS", "0")) / 1000)
if os.environ.get("ALEXA_STANDBY") == "1":
    notify("X_ALEXA_PREPARED=1")
    if sys.stdin.readline().strip() != "start":
        sys.exit(0)
server = listen(int(os.environ["ALEXA_BIND_PORT"]))
stamp("ready")
notify("READY=1")

listening = False  # deaf until it is told: nothing but the loader's own word makes it listen
reasons = set()
unhealthy = False
flooding = 0


def kwd_state():
    return 200, {"paused": not listening or bool(reasons), "reasons": sorted(reasons)}


def answer(method, path, body):
    """(status, object), or None: never."""
    global listening, unhealthy, flooding
    if path == "/ready":
        return (500, {}) if unhealthy else (200, {"ready": True})
    if path == "/control/warmup" or (path == "/control/speak" and body.get("play") is False):
        stamp("warm")
        return 200, {"ms": 1, "finished": True}
    if name == "tts" and path == "/control/speak":
        stamp("speak", tag=body.get("tag"))
        how = os.environ.get("CHAOS_SPEAK", "ok")
        if how == "hang":
            return None
        if how == "500":
            return 500, {"error": "as told"}
        time.sleep(0.25)  # sooner than anyone can speak would count as not heard
        return 200, {"finished": True, "spoken_ms": 250}
    if name == "kwd" and path == "/control/pause":
        reasons.add(body.get("reason"))
        return kwd_state()
    if name == "kwd" and path == "/control/resume":
        reasons.discard(body.get("reason"))
        listening = True
        return kwd_state()
    if name == "kwd" and path == "/control/system_ready":
        stamp("system_ready")
        return 200, {}
    if name == "kwd" and path == "/control/state":
        return kwd_state()
    if path != "/chaos":
        return 404, {}
    do = body.get("do")
    if do == "unhealthy":
        unhealthy = True
    elif do == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif do == "grandchild":
        orphan(sleeper())
    elif do == "zombie":
        orphan(["true"])
    elif do == "helper":
        argv = sleeper()
        if os.fork() == 0:
            server.set_inheritable(True)
            os.execvp(argv[0], argv)
    return 200, {}


def afterwards(body):
    """What would keep the answer from being sent."""
    do = body.get("do")
    if do == "exit":
        os._exit(int(body.get("code", 1)))
    if do == "hang":
        while True:
            time.sleep(60)
    if do == "flood":
        for i in range(int(body.get("lines", 1000))):
            os.write(1, b"flood %09d %s\n" % (i, b"x" * 80))


buffers = {}
while True:
    for sock in select.select([server] + list(buffers), [], [])[0]:
        if sock is server:
            peer = server.accept()[0]
            buffers[peer] = b""
            continue
        try:
            chunk = sock.recv(65536)
        except OSError:
            chunk = b""
        if not chunk:
            del buffers[sock]
            sock.close()
            continue
        data = buffers[sock] + chunk
        head, complete, rest = data.partition(b"\r\n\r\n")
        size = 0
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                size = int(line[15:])
        if not complete or len(rest) < size:
            buffers[sock] = data
            continue
        buffers[sock] = rest[size:]
        method, path = head.split(b" ", 2)[:2]
        body = json.loads(rest[:size] or b"{}") if path.startswith((b"/control", b"/chaos")) else {}
        told = answer(method.decode(), path.decode(), body)
        if told is None:
            continue
        text = json.dumps(told[1]).encode()
        try:
            sock.sendall(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
                told[0], len(text), text))
        except OSError:
            pass
        if path == b"/chaos":
            afterwards(body)
