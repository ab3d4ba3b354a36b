"""`attune models`: what there is, what is here, and bring what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column, Table

from pipelines.models.catalogue import CATALOGUE, Carrier, Model, UnknownModel, embedded, find
from pipelines.models.install import (
    Finding,
    InstallFailed,
    Phase,
    Progress,
    State,
    Tell,
    install,
    locate,
    verify,
)
from service.cli.configured import read_settings

models_app = typer.Typer(no_args_is_help=True, help="Models: list, install, verify, info.")
console = Console(highlight=False)

Names = Annotated[list[str] | None, typer.Argument(help="names of the catalogue (`attune models list`)")]


@models_app.command("list")
def list_models() -> None:
    """Every model of the catalogue, and whether it is here."""
    cache = read_settings().models.cache_dir
    table = Table(Column("model", no_wrap=True), "slot", "engine", "size", "licence", "here", box=None)
    for model in CATALOGUE.values():
        findings = verify([model.name], cache)
        size = sum(one.file.stat().st_size for one in findings if one.state is State.GOOD) or model.size
        name = f"{model.name} *" if model.embedded else model.name
        table.add_row(name, model.slot, model.engine, decimal(size), model.licence, _whether_here(findings))
    console.print(table)
    console.print(f"* comes with a fresh start. Models lie in {cache}", style="dim", soft_wrap=True)


@models_app.command("install")
def install_models(
    names: Names = None,
    the_embedded: Annotated[bool, typer.Option("--embedded", help="those a fresh start needs")] = False,
) -> None:
    """Bring models and check every byte; what is here and good stays. Goes on where an aborted install stopped."""
    wanted = list(dict.fromkeys([*(names or ()), *(embedded() if the_embedded else ())]))
    if not wanted:
        console.print("[red]which?[/red] give names (`attune models list`) or --embedded")
        raise typer.Exit(2)
    try:
        with _bars() as tell:
            findings = install(wanted, read_settings().models.cache_dir, tell)
    except UnknownModel as unknown:
        console.print(f"[red]{unknown}[/red]")
        raise typer.Exit(2) from unknown
    except InstallFailed as failed:
        console.print(f"[red]{failed}[/red]\nWhat has arrived is kept: run the same command again.", soft_wrap=True)
        raise typer.Exit(1) from failed
    _conclude(findings)


@models_app.command("verify")
def verify_models(
    names: Names = None,
    full: Annotated[bool, typer.Option("--full", help="read every byte again")] = False,
) -> None:
    """Check the models that are here, or those named, against their sha256."""
    cache = read_settings().models.cache_dir
    wanted = names or [name for name, model in CATALOGUE.items() if model.embedded or _is_here(model)]
    try:
        findings = verify(wanted, cache, full=full)
    except UnknownModel as unknown:
        console.print(f"[red]{unknown}[/red]")
        raise typer.Exit(2) from unknown
    table = Table("model", Column("file", overflow="fold"), "state", "", box=None)
    for one in findings:
        how = "read now" if one.hashed else "unchanged since it was read"
        table.add_row(
            one.model, one.file.name, f"[green]good[/green], {how}" if one.state is State.GOOD else one.detail
        )
    console.print(table)
    _conclude(findings)


@models_app.command("info")
def info(name: Annotated[str, typer.Argument(help="a name of the catalogue")]) -> None:
    """Where a model comes from, its licence, packages and checksums."""
    try:
        model = find(name)
    except UnknownModel as unknown:
        console.print(f"[red]{unknown}[/red]")
        raise typer.Exit(2) from unknown
    cache = read_settings().models.cache_dir
    findings = verify([name], cache)
    table = Table("", Column(overflow="fold"), show_header=False, box=None)
    table.add_row("model", f"[bold]{model.name}[/bold]: {model.summary}")
    table.add_row("slot, engine", f"{model.slot}, {model.engine}")
    table.add_row("origin", model.origin)
    table.add_row("licence", model.licence)
    if model.same_as:
        table.add_row("same bytes as", model.same_as)
    table.add_row("carrier", _carried(model))
    table.add_row("here", _whether_here(findings))
    if all(one.state is State.GOOD for one in findings):
        table.add_row("lies at", str(locate(name, cache)))
    for file in model.files:
        table.add_row("file", f"{file.name}, {decimal(file.size)}, sha256 {file.sha256}")
    for package in model.packages:
        table.add_row("package", f"{package.registry}: {package.name}=={package.version}, {decimal(package.size)}")
    console.print(table, soft_wrap=True)


def _carried(model: Model) -> str:
    match model.carrier:
        case Carrier.PACKAGE:
            return f"data packages, {decimal(model.download_size)} to download"
        case Carrier.LIBRARY:
            return f"inside the installed library {model.library}"
        case Carrier.REPOSITORY:
            return f"ships with Attune in {model.library}: {', '.join(model.shipped)}"


def _is_here(model: Model) -> bool:
    return any(one.state is not State.MISSING for one in verify([model.name], read_settings().models.cache_dir))


def _whether_here(findings: list[Finding]) -> str:
    states = {one.state for one in findings}
    if states == {State.GOOD}:
        return "[green]yes[/green]"
    return "[red]damaged[/red]" if State.DAMAGED in states else "no"


def _conclude(findings: list[Finding]) -> None:
    """Say what is wrong and end with 1, or say that all is good."""
    wrong = [one for one in findings if one.state is not State.GOOD]
    for one in wrong:
        console.print(f"[red]{one.state}[/red] {one.file}: {one.detail}", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
    models = len({one.model for one in findings})
    console.print(f"[green]{models} models, {len(findings)} files: all good[/green]")


@contextmanager
def _bars() -> Iterator[Tell]:
    """A bar for each model that is being brought."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(report: Progress) -> None:
            if report.phase is Phase.READY and report.model not in tasks:
                return
            if report.model not in tasks:
                tasks[report.model] = bars.add_task(report.model, total=report.total)
            what = "ready" if report.phase is Phase.READY else f"{report.phase} {report.item}".strip()
            bars.update(tasks[report.model], completed=report.done, description=f"{report.model}: {what}")

        yield tell
