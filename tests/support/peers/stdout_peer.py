"""Gives a program a standard output of a certain kind and becomes it; what is read of it goes into a file.

    stdout_peer.py KIND FILE PROGRAM ARGUMENTS…

`pipe`: non-blocking; nobody reads before FILE.go is there. `journal`: a socket that JOURNAL_STREAM names, read slowly; as
journald does, it takes the level `<N>` from the beginning of each line. FILE.end is written when everything was read: the
number of lines that had no level.
"""
import os
import re
import socket
import sys
import time

kind, path, program = sys.argv[1], sys.argv[2], sys.argv[3:]
if kind == "pipe":
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
else:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reader, writer = ours.detach(), theirs.detach()
    inode = os.fstat(writer)
    os.environ["JOURNAL_STREAM"] = f"{inode.st_dev}:{inode.st_ino}"

if os.fork() != 0:
    os.dup2(writer, 1)
    os.close(writer)
    os.close(reader)
    os.wait()
    os.execvp(program[0], program)
os.setsid()
if os.fork() != 0:
    os._exit(0)  # so that the program is not the reader's parent
os.close(writer)
os.dup2(os.open(os.devnull, os.O_RDWR), 1)
os.dup2(1, 2)
while kind == "pipe" and not os.path.exists(path + ".go"):
    time.sleep(0.01)
bare, rest = 0, b""
with open(path, "wb") as file:
    while data := os.read(reader, 1 << 16):
        if kind == "journal":
            *lines, rest = (rest + data).split(b"\n")
            plain = [re.sub(b"^<[0-7]>", b"", line) for line in lines]
            bare += sum(one == other for one, other in zip(lines, plain))
            data = b"".join(line + b"\n" for line in plain)
            time.sleep(0.002)
        file.write(data)
        file.flush()
with open(path + ".ended", "w") as end:
    end.write(str(bare))
os.rename(path + ".ended", path + ".end")
