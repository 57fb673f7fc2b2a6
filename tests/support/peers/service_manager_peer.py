"""What a service manager hears: a datagram socket at the address given (`@` means abstract), which asks the kernel who sent
each one. Prints a line when it listens, then each datagram as a line of JSON; ends with its standard input, and tells for how
long nobody had said anything by then."""
import json
import os
import select
import socket
import struct
import sys
import time

address = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    s.bind("\0" + address[1:] if address.startswith("@") else address)
    print(0, flush=True)
    last = time.monotonic()
    while True:
        ready, _, _ = select.select([s, sys.stdin], [], [])
        if s in ready:
            last = time.monotonic()
            data, extra, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
            pid = next((struct.unpack("iii", d)[0] for level, kind, d in extra
                        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)), None)
            print(json.dumps({"pid": pid, "said": data.decode()}), flush=True)
        elif not os.read(0, 1):
            print(json.dumps({"quiet_ms": (time.monotonic() - last) * 1000}), flush=True)
            break
