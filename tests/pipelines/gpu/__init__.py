"""The GPU paths, run for real on tiny random models that are built on disk."""
