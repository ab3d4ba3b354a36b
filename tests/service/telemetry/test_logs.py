"""Logs: one outlet for everybody, written off the loop, personal fields masked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from loguru import logger as pipecat_logger

from service.telemetry.logs import WAITING, Logs, mask


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What was written while logs as JSON were on."""
    written = io.StringIO()
    yield written
    written.close()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """The lines, parsed."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_everybody_ends_in_one_place(out: io.StringIO) -> None:
    """Standard library, structlog and Pipecat's loguru, one line each, with their fields."""
    with Logs(as_json=True, on_drop=lambda: None, out=out):
        logging.getLogger("service.somewhere").warning("a call broke", extra={"call_id": "c1"})
        structlog.get_logger("service.elsewhere").info("a call began", call_id="c2")
        pipecat_logger.warning("slow")
        pipecat_logger.debug("a frame")
        logging.getLogger("service.somewhere").debug("not wanted")
    first, second, third = lines(out)
    assert (first["event"], first["call_id"], first["level"]) == ("a call broke", "c1", "warning")
    assert (second["event"], second["call_id"], second["logger"]) == ("a call began", "c2", "service.elsewhere")
    assert (third["event"], third["detail"], third["logger"]) == ("pipecat reports", "slow", "pipecat")


def test_an_error_carries_its_trace(out: io.StringIO) -> None:
    """What broke can be found."""
    with Logs(as_json=True, on_drop=lambda: None, out=out):
        try:
            int("x")
        except ValueError:
            logging.getLogger("service").exception("a call broke")
    assert "ValueError" in str(lines(out)[0]["exception"])


def test_personal_fields_are_masked(out: io.StringIO) -> None:
    """Of what was said its length stays, of a number its end."""
    with Logs(as_json=True, on_drop=lambda: None, out=out):
        logging.getLogger("service").warning(
            "heard", extra={"text": "my name is Ada", "from_number": "+15550123", "detail": "call to +1 555 0123 lost"}
        )
    line = lines(out)[0]
    assert (line["text"], line["from_number"], line["detail"]) == ("<4 words>", "...23", "call to ...23 lost")
    assert mask(None, "info", {"from_number": "", "count": 3}) == {"from_number": "", "count": 3}


def test_a_slow_outlet_drops_and_counts(out: io.StringIO) -> None:
    """Whoever logs never waits for whoever writes."""
    dropped: list[int] = []
    logs = Logs(as_json=True, on_drop=lambda: dropped.append(1), out=out)
    handler = logs._outlet
    record = logging.makeLogRecord({"msg": "x", "levelno": logging.INFO, "levelname": "INFO"})
    for _ in range(WAITING + 5):
        handler.handle(record)
    assert len(dropped) == 5


def test_lines_for_people(out: io.StringIO) -> None:
    """Without JSON a line reads well."""
    with Logs(on_drop=lambda: None, out=out):
        logging.getLogger("service").warning("a call broke")
    assert "a call broke" in out.getvalue()
