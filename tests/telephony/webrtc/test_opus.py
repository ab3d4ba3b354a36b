"""Opus with copies of what may be lost."""

from __future__ import annotations

import fractions

import numpy as np
import pytest
import soxr
from aiortc.codecs import get_encoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import AudioFrame

from pipelines.ports import Pcm
from telephony.simulator.web_caller import WebCaller
from telephony.webrtc.door import WebRtcDoor
from telephony.webrtc.leg import WebRtcLeg
from telephony.webrtc.opus import FecOpusEncoder

RATE_HZ = 24_000
OPUS = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48_000, channels=2, payloadType=96)


def packets(encoder: OpusEncoder, pcm: Pcm) -> list[bytes]:
    """Speech as packets of 20 ms."""
    sent: list[bytes] = []
    for at in range(0, len(pcm) - 480, 480):
        frame = AudioFrame.from_ndarray(pcm[None, at : at + 480], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, at, fractions.Fraction(1, RATE_HZ)
        sent += encoder.encode(frame)[0]
    return sent


def has_copy(packet: bytes) -> bool:
    """Whether a packet of one 20 ms frame holds a copy of the one before (RFC 6716 sections 3.1 and 4.2.3)."""
    config, stereo = packet[0] >> 3, packet[0] >> 2 & 1
    flags = packet[1] if len(packet) > 1 else 0
    return config < 16 and bool(flags & 0x40 or (stereo and flags & 0x10))


def test_our_packets_hold_copies(spoken: Pcm) -> None:
    """Of speech, about as often as there is some; aiortc's own encoder never sends any."""
    pcm: Pcm = soxr.resample(spoken, 8000, RATE_HZ).astype(np.int16)
    ours, theirs = (packets(encoder, pcm) for encoder in (FecOpusEncoder(), OpusEncoder()))
    assert sum(map(has_copy, ours)) > 0.2 * len(ours)
    assert not any(map(has_copy, theirs))
    assert isinstance(get_encoder(OPUS), FecOpusEncoder)


@pytest.mark.parametrize("wanted", ["useinbandfec=1", "minptime=10"])
async def test_we_ask_for_copies(wanted: str) -> None:
    """Our answer says that a browser should send them."""

    async def keep(leg: WebRtcLeg) -> None:
        assert not leg.is_over

    door = WebRtcDoor()
    async with WebCaller(np.zeros(160, dtype=np.int16)) as caller:
        answer = await door.offer(*await caller.offer(), keep)
    [fmtp] = [line for line in answer.sdp.splitlines() if line.startswith("a=fmtp")]
    assert wanted in fmtp
    await door.close()
