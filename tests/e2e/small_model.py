"""Serves a model on this machine until it is stopped; see scripts/real-model.sh. Usage: small_model.py WEIGHTS"""

import os
import signal
import sys
import threading

import xllamacpp

# The window that the model was trained for.
CONTEXT = 8192
# Threads wait for each other at every layer, so one without a processor holds up all of them: a processor is
# left to the server and its database.
THREADS = max(1, len(os.sched_getaffinity(0)) - 1)


def main() -> None:
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.model_alias = {"smollm2-135m"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    params.endpoint_metrics = True
    params.use_jinja = True
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


if __name__ == "__main__":
    main()
