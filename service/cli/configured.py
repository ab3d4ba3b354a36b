"""The settings as a command reads them."""

from __future__ import annotations

import typer
from pydantic import ValidationError
from rich.console import Console

from service.settings import Settings


def read_settings() -> Settings:
    """The settings in force; a mistake in them ends the command with one line each."""
    try:
        return Settings()
    except ValidationError as wrong:
        console = Console(stderr=True, highlight=False)
        for error in wrong.errors():
            place = "__".join(str(part) for part in error["loc"]).upper()
            console.print(f"[red]ATTUNE_{place}[/red]: {error['msg']}")
        raise typer.Exit(2) from wrong
