"""The worked example: the agent of an invented home internet and energy company, ready to take a call."""

from __future__ import annotations

from importlib.resources import files

from pipelines.plan import Agent


def example_agent() -> Agent:
    """The example agent, read from its file in this package.

    Raises:
        pydantic.ValidationError: the file was edited into something that is no agent.
    """
    return Agent.model_validate_json(files(__name__).joinpath("fenwillow_home.json").read_text(encoding="utf-8"))
