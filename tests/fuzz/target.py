"""One fuzzing target in a process of its own: `python -m tests.fuzz.target NAME [libFuzzer's arguments]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["telephony"]):
    from tests.fuzz.targets import target


def main() -> None:
    """Fuzz until libFuzzer says enough; it ends the process."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, target(name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
