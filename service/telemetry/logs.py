"""Logs: constant texts with fields, written by a thread of their own, personal fields masked.

Everything ends in one place: our own modules (standard library or structlog), and Pipecat, which logs by loguru.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import re
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from loguru import logger as pipecat_logger

if TYPE_CHECKING:
    from loguru import Message

WAITING = 10_000
"""Records that may wait for the writing thread; beyond, they are dropped and counted."""

TEXTS = frozenset({"text", "heard", "planned", "said", "reply", "question", "transcript", "fact"})
"""Fields that hold what somebody said."""
NUMBERS = frozenset({"from_number", "to_number", "number", "caller_number", "caller"})
"""Fields that hold a telephone number."""

_PHONE = re.compile(r"\+\d[\d ]{5,}\d")


def mask(_: Any, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask personal fields: of a text its length stays, of a number its last two digits."""
    for name, value in fields.items():
        if not isinstance(value, str):
            continue
        if name in TEXTS:
            fields[name] = f"<{len(value.split())} words>"
        elif name in NUMBERS:
            fields[name] = _short(value)
        else:
            fields[name] = _PHONE.sub(lambda found: _short(found.group()), value)
    return fields


def _short(number: str) -> str:
    return f"...{number[-2:]}" if number else ""


class _Outlet(logging.handlers.QueueHandler):
    """Hands records to the writing thread as they are; never waits."""

    def __init__(self, waiting: queue.Queue[Any], on_drop: Callable[[], None]) -> None:
        super().__init__(waiting)
        self._on_drop = on_drop

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Leave the record whole: it never leaves the process."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a record, or count it where the queue is full."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self._on_drop()


class Logs:
    """Logging for the whole process while the block is open."""

    def __init__(
        self, level: str = "INFO", *, as_json: bool = False, on_drop: Callable[[], None], out: TextIO | None = None
    ) -> None:
        """Prepare logging.

        Args:
            level: lowest level that is written; Pipecat's lines from WARNING on.
            as_json: one JSON object per line, else lines for people.
            on_drop: called for each record that was dropped.
            out: where lines go; standard error by default.
        """
        self._level = level
        self._out = out or sys.stderr
        self._waiting: queue.Queue[Any] = queue.Queue(WAITING)
        self._outlet = _Outlet(self._waiting, on_drop)
        writer = logging.StreamHandler(self._out)
        writer.setFormatter(_formatter(as_json, colours=self._out.isatty()))
        self._thread = logging.handlers.QueueListener(self._waiting, writer)
        self._before: list[logging.Handler] = []
        self._level_before = logging.WARNING
        self._sink: int | None = None

    def __enter__(self) -> Logs:
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                *_shared(),
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
        root = logging.getLogger()
        self._before, self._level_before = root.handlers[:], root.level
        root.handlers[:] = [self._outlet]
        root.setLevel(self._level)
        for chatty in ("httpx", "httpx2", "httpcore", "asyncio", "aioice", "aiortc", "alembic", "uvicorn"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        pipecat_logger.remove()
        self._sink = pipecat_logger.add(_from_pipecat, level="WARNING", backtrace=False, diagnose=False, catch=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits and give logging back as it was."""
        if self._sink is not None:
            pipecat_logger.remove(self._sink)
        root = logging.getLogger()
        root.handlers[:] = self._before
        root.setLevel(self._level_before)
        self._thread.stop()
        structlog.reset_defaults()


def _from_pipecat(message: Message) -> None:
    record = message.record
    logging.getLogger("pipecat").log(
        record["level"].no, "pipecat reports", extra={"detail": record["message"], "module_name": record["name"]}
    )


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]


def _formatter(as_json: bool, *, colours: bool) -> logging.Formatter:
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=colours)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
