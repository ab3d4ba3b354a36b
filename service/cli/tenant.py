"""`attune tenant` and `attune audit`: the first owner of a tenant, and whether its audit trail is whole."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import IntegrityError

from service.cli.configured import read_settings
from service.domain.access import Role
from service.people.passwords import Passwords, TooWeak
from service.store.audit import AuditRepository
from service.store.database import Database, DatabaseAway
from service.store.people import PeopleRepository, Taken
from service.store.tenants import TenantRepository

console = Console()
tenant_app = typer.Typer(no_args_is_help=True, help="Businesses that share this installation.")
audit_app = typer.Typer(no_args_is_help=True, help="Who did what.")


@tenant_app.command()
def create(
    name: Annotated[str, typer.Argument(help="the business; 'Default' is there from the start")],
    email: Annotated[str, typer.Option(help="address of the first owner")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="ATTUNE_OWNER_PASSWORD")
    ],
    owner: Annotated[str, typer.Option(help="name of the first owner")] = "Owner",
) -> None:
    """Make a tenant with its first owner, or give an existing tenant an owner where it has nobody yet."""
    email = email.strip().lower()
    try:
        made = asyncio.run(_create(name, email, password, owner))
    except (TooWeak, Taken, DatabaseAway, IntegrityError, ValueError) as refused:
        reason = "this address is known there already" if isinstance(refused, Taken) else str(refused)
        console.print(f"[red]not done[/red]: {reason}")
        raise typer.Exit(1) from refused
    console.print(f"tenant {name} ({made}), owner {email}: log in with POST /v1/login")


async def _create(name: str, email: str, password: str, owner: str) -> str:
    if "@" not in email:
        raise ValueError("an e-mail address is needed")
    kept = await Passwords().hash(password)
    database = Database(read_settings().database)
    try:
        await database.migrate()
        tenant_id = await TenantRepository(database).ensure(name)
        people = PeopleRepository(database, tenant_id)
        if await people.find(limit=1):
            raise ValueError(f"{name} has people already; its owner lets others in")
        await people.add(email, owner, Role.OWNER, kept, by="installation")
        return tenant_id
    finally:
        await database.close()


@audit_app.command()
def verify(
    tenant: Annotated[str, typer.Option(help="name of the tenant")] = "Default",
    head: Annotated[str | None, typer.Option(help="a hash kept elsewhere; notices a trail cut short")] = None,
) -> None:
    """Compute every hash of a tenant's audit trail anew; exit 1 where a row was changed, taken out or added."""
    check = asyncio.run(_verify(tenant))
    if check is None:
        console.print(f"[red]there is no tenant {tenant}[/red]")
        raise typer.Exit(2)
    entries, newest, broken_at, hashes = check
    if broken_at is not None:
        console.print(f"[red]the trail is broken at entry {broken_at}[/red] ({entries} read)")
        raise typer.Exit(1)
    if head is not None and head not in hashes:
        console.print(f"[red]the trail is whole but does not hold {head}[/red]: it was cut short or made anew")
        raise typer.Exit(1)
    console.print(f"{entries} entries, whole; newest hash {newest}")


async def _verify(tenant: str) -> tuple[int, str, int | None, frozenset[str]] | None:
    database = Database(read_settings().database)
    try:
        await database.migrate()
        tenant_id = await TenantRepository(database).named(tenant)
        if tenant_id is None:
            return None
        trail = AuditRepository(database, tenant_id)
        check = await trail.check()
        return check.entries, check.head, check.broken_at, await trail.hashes()
    finally:
        await database.close()
