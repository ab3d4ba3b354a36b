"""docs/guides/settings.md lists every setting with the default that is really in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr

from service.settings import Settings
from tests.conftest import ROOT

ROW = re.compile(r"^\| `(ATTUNE_[A-Z_0-9]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)


def defaults(tree: type[BaseModel], prefix: str = "ATTUNE_") -> Iterator[tuple[str, str]]:
    """Every setting's name in the environment, and its default as the page writes it."""
    for name, field in tree.model_fields.items():
        value = field.default
        if isinstance(value, BaseModel):
            yield from defaults(type(value), f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), written(value)


def written(value: object) -> str:
    """A default in the page's hand."""
    match value:
        case None | ():
            return ""
        case SecretStr():
            return f"`{value.get_secret_value()}`"
        case bool():
            return f"`{str(value).lower()}`"
        case Path():
            return f"`{value}`".replace(str(Path.home()), "~")
        case _:
            return f"`{value}`"


def test_the_page_lists_every_setting_with_its_default() -> None:
    """Neither a forgotten setting, nor one that is gone, nor a default that was changed in the code alone."""
    page = (ROOT / "docs" / "guides" / "settings.md").read_text("utf-8")
    listed = {name: default for name, default, _ in ROW.findall(page)}
    expected = dict(defaults(Settings)) | {
        "ATTUNE_CONFIG": "`attune.toml`",
        "ATTUNE_MODELS__CACHE_DIR": "`~/.cache/attune/models`",  # or below XDG_CACHE_HOME, wherever the tests run
    }
    assert listed == expected
