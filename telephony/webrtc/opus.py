"""Opus against lost packets, as far as aiortc goes.

aiortc neither says nor does anything about Opus' in-band forward error correction (RFC 6716 section 2.1.7, RFC 7587).
Two things are put right here, once, when this module is imported:

- our descriptions say `useinbandfec=1`, so browsers put a low-rate copy of each packet's speech into the next one;
- our encoder does the same for browsers, at a speech rate: at aiortc's 96 kbit/s libopus picks a mode without copies.

aiortc's decoder (ffmpeg's libopus) never asks for the copy, so what is lost on the way to us stays lost: the sound
closes up, a few hundredths of a second are missing, and recognition bridges them or does not.
"""

from __future__ import annotations

from aiortc import codecs
from aiortc.codecs.opus import OpusEncoder

FMTP = {"minptime": 10, "useinbandfec": 1}
BIT_RATE = 32_000
EXPECTED_LOSS_PERCENT = 10


class FecOpusEncoder(OpusEncoder):
    """Speech at 32 kbit/s with a copy of the packet before in every packet."""

    def __init__(self) -> None:
        super().__init__()
        self.codec.bit_rate = BIT_RATE
        self.codec.options = {"application": "voip", "fec": "1", "packet_loss": str(EXPECTED_LOSS_PERCENT)}


def install() -> None:
    """Let every peer connection of this process offer and use it. Idempotent."""
    for codec in codecs.CODECS["audio"]:
        if codec.mimeType.lower() == "audio/opus":
            codec.parameters = dict(FMTP)
    vars(codecs)["OpusEncoder"] = FecOpusEncoder


install()
