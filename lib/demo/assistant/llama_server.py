"""llama.cpp's own server with a GGUF file, from the package xllamacpp: `llama_server.py MODEL.gguf`.

503 until the model is loaded, then an OpenAI-style API. The port comes from the loader, in ALEXA_BIND_PORT.
"""
import os
import signal
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = int(os.environ.get("ALEXA_BIND_PORT") or 5003)
params.n_ctx = int(os.environ.get("ALEXA_CONTEXT") or 1024)
params.n_parallel = 1
params.cpuparams.n_threads = int(os.environ.get("OMP_NUM_THREADS") or min(4, os.cpu_count() or 1))
params.ui = False
params.reuse_port = False
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: os._exit(0))
server = xllamacpp.Server(params)
print("llama.cpp on %s" % server.listening_address, flush=True)
while True:
    signal.pause()
