"""Pipecat's own NVIDIA processors, built for a server in the own network, in a pipeline."""

from __future__ import annotations

import numpy as np
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from pipelines.speech.riva import riva_recogniser_processor, riva_speaker_processor
from tests.pipelines.riva.server import RivaDouble

RATE_HZ = 16_000


def speech(seconds: float) -> InputAudioRawFrame:
    """A stretch of noise as the transport hands it on."""
    samples = np.random.default_rng(3).integers(-8000, 8000, int(seconds * RATE_HZ)).astype(np.int16)
    return InputAudioRawFrame(samples.tobytes(), RATE_HZ, 1)


async def test_a_segment_becomes_one_final_transcript(riva: RivaDouble) -> None:
    """Speech between the two voice-activity frames is recognised by the server."""
    frames = [
        VADUserStartedSpeakingFrame(),
        speech(0.5),
        SleepFrame(0.05),
        VADUserStoppedSpeakingFrame(),
        SleepFrame(0.2),
    ]
    down, _ = await run_test(riva_recogniser_processor(riva.address), frames_to_send=frames)
    heard = [frame for frame in down if isinstance(frame, TranscriptionFrame)]
    assert [frame.finalized for frame in heard] == [True]
    assert heard[0].text.startswith("word1 word2")
    assert riva.heard[0].config.language_code == "en-US"


async def test_a_sentence_becomes_audio(riva: RivaDouble) -> None:
    """The server's tone comes out as audio frames at the rate that was asked for."""
    processor = riva_speaker_processor(riva.address, voice="English-US.Female-1")
    down, _ = await run_test(processor, frames_to_send=[TTSSpeakFrame("Your router is back."), SleepFrame(0.5)])
    audio = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert {frame.sample_rate for frame in audio} == {22_050}
    assert sum(frame.num_frames for frame in audio) >= 22_050
    assert riva.spoken[0].voice_name == "English-US.Female-1"
