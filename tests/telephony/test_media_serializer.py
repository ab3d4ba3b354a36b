"""Scenes of the serializer between Pipecat's frames and Twilio's messages."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TextFrame,
)

from telephony.carrier import Dtmf, Ignored, IgnoredReason, LineEvent, Wire, WireAudio
from telephony.media_serializer import FrameBudget, MediaSerializer
from telephony.simulator.wire import StreamWriter
from telephony.twilio.codec import TwilioCodec


async def unanswered(_: Wire) -> None:
    """Twilio's protocol wants nothing back."""
    raise AssertionError


def serializing(tell: Callable[[LineEvent], None]) -> MediaSerializer:
    """The serializer of a Twilio stream."""
    return MediaSerializer(TwilioCodec(), WireAudio(), tell, unanswered)


TONE = (8000 * np.sin(2 * np.pi * 300 * np.arange(160) / 8000)).astype(np.int16)


async def test_audio_survives_the_way_out_and_back_in() -> None:
    """What we send, sent back to us, is the same sound at 16 kHz."""
    serializer = serializing(lambda _: None)
    heard: list[np.ndarray] = []
    for _ in range(10):
        text = await serializer.serialize(OutputAudioRawFrame(TONE.tobytes(), 8000, 1))
        assert text is not None
        frame = await serializer.deserialize(text)
        assert isinstance(frame, InputAudioRawFrame)
        assert (frame.sample_rate, frame.num_channels) == (16000, 1)
        heard.append(np.frombuffer(frame.audio, dtype=np.int16))
    loudness = np.sqrt((np.concatenate(heard)[320:].astype(float) ** 2).mean())
    assert loudness == pytest.approx(8000 / np.sqrt(2), rel=0.03)


async def test_keys_marks_and_interruptions() -> None:
    """The messages besides audio."""
    events: list[LineEvent] = []
    serializer = serializing(events.append)
    key = await serializer.deserialize(StreamWriter("MZ1", "CA1", "AC1").dtmf("*"))
    assert isinstance(key, InputDTMFFrame)
    assert key.button is KeypadEntry.STAR
    assert await serializer.serialize(InterruptionFrame()) == TwilioCodec().clear()
    assert await serializer.serialize(OutputTransportMessageFrame(message={"mark": "m"})) == TwilioCodec().mark("m")
    assert events == [Dtmf("*")]


@pytest.mark.parametrize(
    "frame",
    [TextFrame("x"), OutputTransportMessageFrame(message={"type": "x"}), OutputTransportMessageFrame(message=7)],
)
async def test_other_frames_stay_here(frame: Frame) -> None:
    """Twilio gets nothing it does not know."""
    assert await serializing(lambda _: None).serialize(frame) is None


async def test_another_rate_is_a_wiring_error() -> None:
    """Loud, not garbled."""
    with pytest.raises(ValueError, match="8000 Hz"):
        await serializing(lambda _: None).serialize(OutputAudioRawFrame(TONE.tobytes(), 16000, 1))


@given(st.text() | st.binary())
async def test_nothing_makes_it_raise(data: str | bytes) -> None:
    """Every message is told, ignored ones with their reason."""
    events: list[LineEvent] = []
    assert await serializing(events.append).deserialize(data) is None
    assert len(events) == 1


async def test_a_flood_is_dropped() -> None:
    """Two hundred at once pass, the rest is counted."""
    events: list[LineEvent] = []
    serializer = serializing(events.append)
    for _ in range(1000):
        await serializer.deserialize(json.dumps({"event": "mark", "mark": {"name": "m"}}))
    dropped = [event for event in events if event == Ignored(IgnoredReason.TOO_MANY)]
    assert 700 <= len(dropped) <= 800


def test_the_budget_refills() -> None:
    """A burst of three, then one every eighth of a second."""
    budget = FrameBudget(rate=8, burst=3)
    assert [budget.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert budget.take(100.125)
    assert not budget.take(100.126)
    assert [budget.take(200.0) for _ in range(4)] == [True, True, True, False]
