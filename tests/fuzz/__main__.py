"""Fuzz every target for a while, some at once: `python -m tests.fuzz [--seconds 60] [--at-once 2] [NAME ...]`.

What is found is written to `build/fuzz/NAME-crash-...`; the committed corpus is read and not changed. Where atheris is
not installed (it comes for Linux and CPython below 3.14) nothing is fuzzed, and this says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path("build") / "fuzz"
_MOST_BYTES = 70_000


@dataclass(frozen=True, slots=True)
class Result:
    """What fuzzing a target gave.

    Attributes:
        name: the target.
        good: nothing was found.
        executions: inputs tried.
        covered: edges of the code that were reached.
        output: the end of what the fuzzer said.
    """

    name: str
    good: bool
    executions: int
    covered: int
    output: str


def fuzz(name: str, seconds: int) -> Result:
    """Fuzz one target in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.target",
            name,
            f"-max_total_time={seconds}",
            f"-max_len={_MOST_BYTES}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={FOUND}/{name}-",
            folder,
            str(CORPUS / name),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds + 300)
        except subprocess.TimeoutExpired as hangs:
            said = (hangs.stderr or b"").decode("utf-8", "replace")
            return Result(name, False, 0, 0, f"the fuzzer did not come to its end: {said[-1500:]}")
    said = done.stdout + done.stderr
    tried = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
    covered = re.findall(r"cov: (\d+)", said)
    return Result(name, done.returncode == 0, int(tried[-1]) if tried else 0, int((covered or ["0"])[-1]), _told(said))


def _told(said: str) -> str:
    """The part of the fuzzer's output that says what went wrong."""
    begins = said.find("Uncaught Python exception")
    return said[begins : begins + 3000] if begins >= 0 else said[-1500:]


def tell(line: str) -> None:
    """Say something to whoever runs this."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Fuzz; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--at-once", type=int, default=2, help="targets at once")
    parser.add_argument("names", nargs="*", metavar="NAME", help="targets; all without any")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        tell("!!! NOTHING WAS FUZZED: atheris is not installed on this platform")
        return 0
    shutil.rmtree(FOUND, ignore_errors=True)
    FOUND.mkdir(parents=True)
    names = asked.names or list(TARGETS)
    with ThreadPoolExecutor(asked.at_once) as pool:
        results = list(pool.map(lambda name: fuzz(name, asked.seconds), names))
    for result in results:
        verdict = "good" if result.good else "FAILED"
        tell(f"{result.name:10} {verdict:6} {result.executions:>9} inputs, {result.covered:>4} edges")
        if not result.good:
            tell(result.output)
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
