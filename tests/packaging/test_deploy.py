"""What the container and the compose file rely on is really there."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"


def compose() -> dict[str, Any]:
    """The services of the compose file."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    return services


def test_everything_that_is_mounted_exists() -> None:
    """A moved board or rule file would become an empty folder in the container."""
    mounted = [
        volume.split(":")[0]
        for one in compose().values()
        for volume in one.get("volumes", [])
        if volume.startswith(".")
    ]
    assert mounted
    assert [path for path in mounted if not (DEPLOY / path).exists()] == []


def test_images_are_pinned_and_doors_stay_on_this_machine() -> None:
    """No image moves by itself, and nothing is offered to the network before somebody decides so."""
    for name, one in compose().items():
        assert re.search(r":v?\d", one.get("image", ":1")), name
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", [])), name


def test_prometheus_scrapes_the_service_by_its_name() -> None:
    """The target of the scrape job is the service of the compose file, on the port of the settings."""
    scrape = yaml.safe_load((ROOT / "dashboards" / "prometheus" / "scrape.yml").read_text("utf-8"))
    (job,) = scrape["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["attune:8000"]
    assert "attune" in compose()


def test_the_image_runs_without_root_and_watches_its_health() -> None:
    """Two stages, an unprivileged account, a check on the health door."""
    lines = (ROOT / "Dockerfile").read_text("utf-8")
    last = lines[lines.rindex("\nFROM ") :]
    assert lines.count("\nFROM ") == 2
    assert "\nUSER attune" in last
    assert "HEALTHCHECK" in last
    assert "/healthz" in last


def test_the_context_holds_what_the_build_copies() -> None:
    """.dockerignore lets through what pyproject.toml packs, and the files it names."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    packages = set(
        re.findall(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[0]
        .replace('"', "")
        .split(", ")
    )
    assert packages | {"constraints/run.txt", "pyproject.toml", "README.md", "LICENSE", "NOTICE"} == let_in
    assert [path for path in let_in if not (ROOT / path).exists()] == []
