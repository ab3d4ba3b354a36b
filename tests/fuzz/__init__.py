"""Coverage-guided fuzzing of everything that strangers can send: `make fuzz`, `python -m tests.fuzz`."""
