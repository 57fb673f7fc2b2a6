"""Runs a program on a terminal of its own. Its output goes to our standard output as it comes; lines on our standard input
are orders: {"write": "text"}, {"size": [rows, columns]}, {"signal": "SIGKILL"}, {"go_on": true}: once it has stopped,
as `fg` does. Ends with the program, with its code."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

rows, columns = int(sys.argv[1]), int(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(rows, columns)
print(pid, file=sys.stderr, flush=True)
waiting, orders = b"", True
while True:
    readable, _, _ = select.select([terminal] + ([0] if orders else []), [], [])
    if terminal in readable:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
    if 0 in readable:
        data = os.read(0, 65536)
        orders = bool(data)
        waiting += data
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "write" in order:
                os.write(terminal, order["write"].encode())
            if "size" in order:
                resize(*order["size"])
            if "go_on" in order:
                os.waitpid(pid, os.WUNTRACED)
                os.kill(pid, signal.SIGCONT)
            if "signal" in order:
                os.kill(pid, getattr(signal, order["signal"]))
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
