"""The child process that holds the embedded LLM: `python -m pipelines.speech.llama_server MODEL ...`.

Speaks the OpenAI protocol on loopback. Its first line on standard output is its address; it ends when its standard
input does, which happens also when the parent is killed.
"""

from __future__ import annotations

import argparse
import os
import sys

CACHED_PROMPTS_MIB = 64
"""Memory for prompts that left their slot; llama.cpp's own default is 8 GiB."""


def main() -> None:
    """Load the model, serve until nobody holds the other end of standard input."""
    options = _options()
    if hasattr(os, "nice"):
        os.nice(options.nice)  # recognition of other callers must win the cores
    import xllamacpp  # loads the native library, which takes the priority of this thread into its own

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.n_ctx = options.context_tokens * options.at_once
    params.n_parallel = options.at_once
    params.cache_ram_mib = CACHED_PROMPTS_MIB
    for cores in (params.cpuparams, params.cpuparams_batch):
        cores.n_threads = options.threads
        cores.poll = 0  # threads that wait for work sleep; the default spins
    params.port = options.port
    params.ui = False
    params.verbosity = 1
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as failed:
        sys.exit(f"{failed}")
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # no destructor may wait for a generation that nobody reads


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", help="path of the GGUF file")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context-tokens", type=int, default=2048, help="of one reply")
    parser.add_argument("--at-once", type=int, default=1, help="replies at once")
    parser.add_argument("--nice", type=int, default=0, help="how much to step back behind other processes, 0..19")
    return parser.parse_args()


if __name__ == "__main__":
    main()
