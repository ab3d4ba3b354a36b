"""Cut-offs and delays at labelled pauses: `attune evaluate turns` with its defaults, as a benchmark."""

from __future__ import annotations

import typer

from service.cli.evaluate_turns import turns

if __name__ == "__main__":
    typer.run(turns)
