"""The service of the scenes, with a trunk that it knows."""

from __future__ import annotations

from tests.scenes.conftest import open_stage, spoken, turn_models

__all__ = ["open_stage", "spoken", "turn_models"]
