"""Benchmarks: `python -m tests.bench.turn` (latency) and `python -m tests.bench.calls` (capacity), or `make bench`."""
