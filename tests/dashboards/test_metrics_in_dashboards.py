"""Boards and alerts name only what the service really measures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import dashboards
from pipelines.events import Stage
from service.telemetry.metrics import Meters

FOLDER = Path(dashboards.__file__).parent
BOARDS = sorted(FOLDER.glob("grafana/*.json"))
RULES = sorted(FOLDER.glob("prometheus/*.yml"))


@pytest.mark.parametrize("file", [*BOARDS, *RULES], ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_metric_is_in_the_catalogue(file: Path) -> None:
    """A renamed metric cannot leave an empty panel or a silent alert behind."""
    named = set(re.findall(r"\battune_[a-z0-9_]+", file.read_text("utf-8")))
    assert named <= Meters().names(), f"not in the catalogue: {sorted(named - Meters().names())}"


def test_the_boards_show_what_people_look_for() -> None:
    """Latency by stage, active calls, emotions, fall-backs, loop lag, errors: each has its panel."""
    shown = " ".join(board.read_text("utf-8") for board in BOARDS)
    for name in (
        "attune_turn_latency_seconds_bucket",
        "attune_turn_stage_seconds_bucket",
        "attune_calls_active",
        "attune_emotion_estimates_total",
        "attune_fallbacks_total",
        "attune_event_loop_lag_seconds_bucket",
        "attune_errors_total",
        "attune_dropped_total",
    ):
        assert name in shown


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.name)
def test_a_board_is_laid_out(file: Path) -> None:
    """Panels have ids of their own, do not overlap, and every query says what its lines are."""
    panels = json.loads(file.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells
        assert all(query["expr"] and query["legendFormat"] for query in panel.get("targets", []))


def test_every_alert_says_what_to_do() -> None:
    """Somebody who is woken up reads what happened and where to look."""
    groups = yaml.safe_load((FOLDER / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    assert alerts
    for alert in alerts:
        assert alert["for"], alert["alert"]
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert alert["annotations"]["summary"], alert["alert"]
        assert alert["annotations"]["action"], alert["alert"]


def test_the_stages_of_a_turn_are_series_of_their_own() -> None:
    """Each stage of a turn can be measured under its name; the boards group by that label."""
    meters = Meters()
    for stage in Stage:
        meters.turn_stage.labels(stage).observe(0.1)
    rendered = meters.render().decode()
    assert all(f'attune_turn_stage_seconds_count{{stage="{stage}"}} 1.0' in rendered for stage in Stage)
