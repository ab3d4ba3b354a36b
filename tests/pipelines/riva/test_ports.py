"""Riva as recogniser and speaker of a conversation: words, styles, deadlines, losses."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import grpc
import numpy as np
import pytest
from riva.client.proto.riva_asr_pb2 import SpeechRecognitionAlternative, WordInfo
from riva.client.proto.riva_audio_pb2 import AudioEncoding

from pipelines.empathy.tone import STYLES, Style, ToneName
from pipelines.ports import EngineFailed, Pcm, Recogniser, Speaker
from pipelines.speech.riva import RivaRecogniser, RivaSpeaker, heard_confidence, spoken_words, ssml
from tests.pipelines.riva.server import TONE_HZ, RivaDouble


def noise(seconds: float, rate_hz: int = 8000) -> Pcm:
    """A stretch of noise."""
    return np.random.default_rng(3).integers(-8000, 8000, int(seconds * rate_hz)).astype(np.int16)


async def test_an_utterance_is_recognised_as_it_came_from_the_line(riva: RivaDouble) -> None:
    """A second of telephone speech goes as 8 kHz linear PCM, and four words come back with their confidence."""
    recogniser = RivaRecogniser(riva.address)
    as_port: Recogniser = recogniser
    heard = await as_port.recognise(noise(1.0), 8000)
    assert heard.text == "word1 word2 word3 word4"
    assert heard.confidence == pytest.approx(0.8)
    assert heard.encoded is None
    assert heard.engine == "riva:en-US"
    config = riva.heard[0].config
    assert (config.encoding, config.sample_rate_hertz) == (AudioEncoding.LINEAR_PCM, 8000)
    assert (config.language_code, config.audio_channel_count) == ("en-US", 1)
    recogniser.close()


async def test_silence_has_no_words(riva: RivaDouble) -> None:
    """An answer without results is no text and no confidence; it serves as the warm-up."""
    recogniser = RivaRecogniser(riva.address)
    await recogniser.warm_up()
    heard = await recogniser.recognise(np.zeros(8000, dtype=np.int16), 8000)
    assert (heard.text, heard.confidence) == ("", 0.0)
    assert len(riva.heard) == 2
    recogniser.close()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_a_refusal_is_an_engine_that_failed(riva: RivaDouble, code: grpc.StatusCode) -> None:
    """The error names the engine, the server and the code, for both ports."""
    recogniser, speaker = RivaRecogniser(riva.address), RivaSpeaker(riva.address)
    riva.refusal = code
    with pytest.raises(EngineFailed, match=f"riva recogniser {riva.address}: {code.name}: as the scene"):
        await recogniser.recognise(noise(0.5), 8000)
    with pytest.raises(EngineFailed, match=f"riva speaker {riva.address}: {code.name}"):
        await speaker.speak("Hello.", Style())
    recogniser.close()
    speaker.close()


async def test_a_server_that_is_not_there_fails_and_one_that_went_away_too(riva: RivaDouble) -> None:
    """Nobody listening, then a server lost between two turns."""
    nobody = RivaRecogniser("127.0.0.1:9", deadline_s=2.0)
    with pytest.raises(EngineFailed, match=r"UNAVAILABLE|DEADLINE_EXCEEDED"):
        await nobody.recognise(noise(0.5), 8000)
    nobody.close()
    recogniser = RivaRecogniser(riva.address, deadline_s=2.0)
    assert (await recogniser.recognise(noise(0.5), 8000)).text
    riva.stop()
    with pytest.raises(EngineFailed, match="UNAVAILABLE"):
        await recogniser.recognise(noise(0.5), 8000)
    recogniser.close()


async def test_a_slow_server_meets_the_deadline(riva: RivaDouble) -> None:
    """An answer that does not come in time fails; the event loop went on meanwhile."""
    recogniser = RivaRecogniser(riva.address, deadline_s=0.3)
    await recogniser.warm_up()
    riva.go_on.clear()
    request = asyncio.create_task(recogniser.recognise(noise(0.5), 8000))
    beats = 0
    while not request.done():
        await asyncio.sleep(0.01)
        beats += 1
    with pytest.raises(EngineFailed, match="DEADLINE_EXCEEDED"):
        await request
    assert beats >= 10
    recogniser.close()


async def test_a_barge_in_cancels_the_request_on_the_server(riva: RivaDouble) -> None:
    """A cancelled sentence is cancelled where it is made."""
    speaker = RivaSpeaker(riva.address)
    await speaker.warm_up()
    riva.asked.clear()
    riva.go_on.clear()
    sentence = asyncio.create_task(speaker.speak("This takes a while.", Style()))
    assert await asyncio.to_thread(riva.asked.wait, 5)
    sentence.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sentence
    assert await asyncio.to_thread(riva.cancelled.wait, 5)
    speaker.close()


async def test_too_many_requests_are_refused_here(riva: RivaDouble) -> None:
    """One awaited and none waiting: the second fails at once."""
    recogniser = RivaRecogniser(riva.address, at_once=1, waiting=0)
    riva.go_on.clear()
    first = asyncio.create_task(recogniser.recognise(noise(0.5), 8000))
    assert await asyncio.to_thread(riva.asked.wait, 5)
    with pytest.raises(EngineFailed, match="waiting already"):
        await recogniser.recognise(noise(0.5), 8000)
    riva.go_on.set()
    assert (await first).text == "word1 word2"
    recogniser.close()


async def test_a_sentence_is_spoken_in_style_with_its_words_timed(riva: RivaDouble) -> None:
    """FastPitch gets SSML; the audio is the server's tone and each word has its start."""
    speaker = RivaSpeaker(riva.address, voice="English-US.Female-1", rate_hz=16_000)
    as_port: Speaker = speaker
    speech = await as_port.speak("Bits & bytes are back.", STYLES[ToneName.APOLOGETIC])
    sent = riva.spoken[0]
    root = ElementTree.fromstring(sent.text)
    prosody = root[0]
    assert (root.tag, prosody.tag, prosody.text) == ("speak", "prosody", "Bits & bytes are back.")
    assert prosody.attrib == {"rate": "92%", "pitch": "-15.8Hz", "volume": "-1.5dB"}
    assert (sent.voice_name, sent.encoding) == ("English-US.Female-1", AudioEncoding.LINEAR_PCM)
    assert as_port.rate_hz == speech.rate_hz == sent.sample_rate_hz == 16_000
    spectrum = np.abs(np.fft.rfft(speech.pcm))
    assert spectrum.argmax() * 16_000 / len(speech.pcm) == pytest.approx(TONE_HZ, abs=2)
    assert [word.word for word in speech.words] == ["Bits", "&", "bytes", "are", "back."]
    assert [word.start_s for word in speech.words] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    speaker.close()


async def test_a_model_without_prosody_gets_plain_text() -> None:
    """Magpie does not take prosody, unless the operator knows better."""
    with RivaDouble(model="magpie_tts_ensemble-Magpie-Multilingual") as riva:
        speaker = RivaSpeaker(riva.address)
        await speaker.warm_up()
        await speaker.speak("Hello.", STYLES[ToneName.CALM])
        assert riva.spoken[0].text == "Hello."
        speaker.close()
        told = RivaSpeaker(riva.address, prosody=True)
        await told.warm_up()
        await told.speak("Hello.", STYLES[ToneName.CALM])
        assert riva.spoken[1].text.startswith("<speak>")
        told.close()


async def test_no_audio_is_a_failure(riva: RivaDouble) -> None:
    """Riva answers with silence when it does not like the markup: the caller of the port must know."""
    speaker = RivaSpeaker(riva.address)
    with pytest.raises(EngineFailed, match="no audio"):
        await speaker.speak(" ", Style())
    speaker.close()


def test_styles_stay_inside_what_riva_takes() -> None:
    """Extremes are cut, as Riva answers them with silence."""
    wild = ElementTree.fromstring(ssml("Hi.", Style(rate=9, pitch_st=24, volume_db=40), 190.0))[0].attrib
    assert wild == {"rate": "250%", "pitch": "+150.0Hz", "volume": "+8.0dB"}
    mild = ElementTree.fromstring(ssml("Hi.", Style(), 190.0))[0].attrib
    assert mild == {"rate": "100%", "pitch": "+0.0Hz", "volume": "+0.0dB"}


def test_words_without_times_are_spread_by_their_length() -> None:
    """The first starts at once, a long word takes longer, none starts after the end."""
    words = spoken_words("a restoration now", (), 2.0)
    assert [word.word for word in words] == ["a", "restoration", "now"]
    starts = [word.start_s for word in words]
    assert starts == pytest.approx([0.0, 2.0 * 2 / 18, 2.0 * 14 / 18])
    assert spoken_words("", (), 0.0) == ()


def test_confidence_takes_what_is_a_probability() -> None:
    """Words first, then pieces, and no number at all speaks against nothing."""
    worded = SpeechRecognitionAlternative(transcript="x", confidence=0.2, words=[WordInfo(word="x", confidence=0.6)])
    assert heard_confidence([worded]) == pytest.approx(0.6)
    assert heard_confidence([SpeechRecognitionAlternative(transcript="x", confidence=0.2)]) == pytest.approx(0.2)
    assert heard_confidence([SpeechRecognitionAlternative(transcript="x", confidence=-3.0)]) == 1.0


@pytest.mark.parametrize("engine", [RivaRecogniser, RivaSpeaker])
def test_a_missing_client_says_what_to_install(
    engine: type[RivaRecogniser] | type[RivaSpeaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Riva is an extra."""
    real = builtins.__import__

    def without_riva(
        name: str,
        of: Mapping[str, object] | None = None,
        at: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name.startswith("riva"):
            raise ImportError("No module named 'riva'")
        return real(name, of, at, names, level)

    monkeypatch.setattr(builtins, "__import__", without_riva)
    with pytest.raises(EngineFailed, match=r"pip install attune\[riva\]"):
        engine("127.0.0.1:9")
