"""Whether humans are in, by an agent's opening hours. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines.plan import OpeningHours


def humans_in(hours: OpeningHours, now: datetime) -> bool:
    """Whether the hours are open at an instant.

    Args:
        hours: in the business's own time zone; daylight saving follows that zone.
        now: aware.
    """
    local = now.astimezone(ZoneInfo(hours.timezone))
    match local.weekday():
        case 5:
            span = hours.saturday
        case 6:
            span = hours.sunday
        case _:
            span = hours.weekdays
    return span is not None and span[0] <= local.strftime("%H:%M") < span[1]
