"""Gives a program a standard output of a certain kind and becomes it; what is read of it goes into a file.

    stdout_peer.py KIND FILE PROGRAM ARGUMENTS…

`pipe`: non-blocking; nobody reads before FILE.go is there. `journal`: a socket that JOURNAL_STREAM names, read slowly.
FILE.end is written when everything was read.
"""
import os
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
with open(path, "wb") as file:
    while data := os.read(reader, 1 << 16):
        file.write(data)
        file.flush()
        if kind == "journal":
            time.sleep(0.002)
open(path + ".end", "w").close()
