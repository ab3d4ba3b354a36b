"""The `attune` command."""

from __future__ import annotations

import typer

from service.cli.call import call, demo
from service.cli.evaluate import evaluate_app
from service.cli.evaluate_emotion import emotion as evaluate_emotion
from service.cli.evaluate_turns import turns as evaluate_turns
from service.cli.models import models_app
from service.cli.serve import migrate, serve
from service.cli.tenant import audit_app, tenant_app
from service.cli.train import train_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help="An empathetic contact centre.")
app.command()(serve)
app.command()(call)
app.command()(demo)
app.command()(migrate)
app.add_typer(models_app, name="models")
app.add_typer(tenant_app, name="tenant")
app.add_typer(audit_app, name="audit")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
evaluate_app.command("emotion")(evaluate_emotion)
evaluate_app.command("turns")(evaluate_turns)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
