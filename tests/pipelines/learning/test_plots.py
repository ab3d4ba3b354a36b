"""Pictures of results: whole PNG files, and nothing left behind."""

from __future__ import annotations

import struct
from pathlib import Path

from matplotlib import _pylab_helpers

from pipelines.learning import plots


def size(file: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    held = file.read_bytes()
    assert held[:8] == b"\x89PNG\r\n\x1a\n"
    assert held[-8:-4] == b"IEND"
    width, height = struct.unpack(">II", held[16:24])
    return width, height


def test_every_picture_is_a_png(tmp_path: Path) -> None:
    """With few points, with classes that nobody said, with texts of any length."""
    points = [(0.1, 1.0), (0.5, 0.9), (1.0, 0.7)]
    plots.confusion(tmp_path / "1.png", "a", ["angry", "confused", "sad"], [[3, 0, 1], [0, 0, 0], [0, 0, 5]])
    plots.reliability(tmp_path / "2.png", "b\nc", [(0.35, 0.3, 4), (0.95, 0.9, 90)])
    plots.coverage(tmp_path / "3.png", "c", {"clean": points, "mu_law": points})
    plots.precision_recall(tmp_path / "4.png", "d", {"voice": points}, 0.2)
    plots.learning(tmp_path / "5.png", "e", {"x": [(2, [0.3, 0.4]), (4, []), (6, [0.5])]}, "UAR")
    plots.bars(tmp_path / "6.png", "f", {"clean": (0.8, 0.7, 0.9), "loss": (0.05, 0.0, 0.1)}, "UAR")
    plots.trajectory(tmp_path / "7.png", "g", [0.1, -0.5], [0, 0.9], labels=["neutral", "angry"])
    plots.trajectory(
        tmp_path / "8.png", "h", [0.1] * 12, [0] * 12, labels=["sad"] * 12, truth=["fear"] * 12, attention=[0.5] * 12
    )
    for number in range(1, 9):
        width, height = size(tmp_path / f"{number}.png")
        assert 400 < width < 1600
        assert 150 < height < 1200
    assert not _pylab_helpers.Gcf.figs
