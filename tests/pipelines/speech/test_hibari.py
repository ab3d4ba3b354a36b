"""The embedded voice: any text, measured prosody that follows the style, words in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.empathy.tone import STYLES, Style, ToneName
from pipelines.ports import EngineFailed, Pcm, Speaker, Speech
from pipelines.speech.hibari import HibariSpeaker, HibariVoice
from pipelines.speech.phonemes import LONGEST_TEXT
from pipelines.speech.style import limit, shape_pitch

LINE = (
    "I can see the payment on your account, and the refund is on its way to you now. "
    "I'm really sorry about that, let me check your account right now. "
    "Our engineers are working on the fault in your area and expect to finish by six o'clock."
)


@pytest.fixture(scope="module")
def voice() -> HibariVoice:
    """Loaded once: it takes a second or two."""
    return HibariVoice("heart", threads=1)


@pytest.fixture
def speaker(voice: HibariVoice) -> Iterator[HibariSpeaker]:
    """A speaker over the loaded voice."""
    speaker = HibariSpeaker(voice)
    yield speaker
    speaker.close()


def pitch_hz(pcm: Pcm, rate_hz: int) -> NDArray[np.float64]:
    """Pitch of the voiced 40 ms frames, by the highest peak of the autocorrelation between 70 and 400 Hz.

    Octave errors of this simple measure are left out: what is more than 8 semitones from the median.
    """
    size, step = int(0.04 * rate_hz), int(0.01 * rate_hz)
    wave = pcm.astype(np.float64)
    found = []
    for start in range(0, len(wave) - size, step):
        frame = wave[start : start + size] - wave[start : start + size].mean()
        if np.sqrt(np.square(frame).mean()) < 600:
            continue
        spectrum = np.fft.rfft(frame * np.hanning(size), 2 * size)
        likeness = np.fft.irfft(np.square(np.abs(spectrum)))[:size]
        low, high = rate_hz // 400, rate_hz // 70
        lag = low + int(np.argmax(likeness[low:high]))
        if likeness[lag] > 0.5 * likeness[0]:
            found.append(rate_hz / lag)
    pitch = np.asarray(found)
    near: NDArray[np.bool_] = np.abs(12 * np.log2(pitch / np.median(pitch))) < 8
    return pitch[near]


def semitone_spread(pitch: NDArray[np.float64]) -> float:
    """Distance of the 10th and the 90th percentile in semitones."""
    low, high = np.percentile(pitch, [10, 90])
    return float(12 * np.log2(high / low))


def level_db(speech: Speech) -> float:
    """Mean power in dB of full scale."""
    return float(10 * np.log10(np.square(speech.pcm / 32768.0).mean()))


async def test_prosody_follows_the_tone(speaker: HibariSpeaker) -> None:
    """Measured on the sound: an apology is lower, flatter, slower and softer than neutral, good news the opposite."""
    said = {name: await speaker.speak(LINE, STYLES[name]) for name in ToneName}
    pitch = {name: pitch_hz(speech.pcm, speech.rate_hz) for name, speech in said.items()}
    median = {name: float(np.median(found)) for name, found in pitch.items()}
    spread = {name: semitone_spread(found) for name, found in pitch.items()}
    length = {name: len(speech.pcm) for name, speech in said.items()}
    sad, plain, glad = ToneName.APOLOGETIC, ToneName.NEUTRAL, ToneName.UPBEAT
    assert median[sad] < 0.95 * median[plain] < median[plain] < 0.95 * median[glad]
    assert spread[sad] < spread[plain] < spread[glad]
    assert length[sad] > 1.04 * length[plain] > length[plain] > 1.03 * length[glad]
    assert level_db(said[sad]) < level_db(said[plain]) < level_db(said[glad])
    assert median[ToneName.CALM] < median[plain]
    assert length[ToneName.GENTLE] > length[ToneName.CALM] > length[plain]


async def test_each_knob_moves_its_own_property(speaker: HibariSpeaker) -> None:
    """Pitch by semitones, pace by its factor, loudness by decibels."""
    plain = await speaker.speak(LINE, Style(pause=0.0))
    up = await speaker.speak(LINE, Style(pause=0.0, pitch_st=3.0))
    slow = await speaker.speak(LINE, Style(pause=0.0, rate=0.8))
    quiet = await speaker.speak(LINE, Style(pause=0.0, volume_db=-6.0))
    raised = np.median(pitch_hz(up.pcm, 24_000)) / np.median(pitch_hz(plain.pcm, 24_000))
    assert 12 * np.log2(raised) == pytest.approx(3.0, abs=0.5)
    assert len(slow.pcm) / len(plain.pcm) == pytest.approx(1.25, abs=0.04)
    assert level_db(quiet) - level_db(plain) == pytest.approx(-6.0, abs=0.1)
    assert len(up.pcm) == pytest.approx(len(plain.pcm), rel=0.02)


async def test_breath_is_added_between_the_harmonics(speaker: HibariSpeaker) -> None:
    """A breathy voice has more energy where a clear one has none: its autocorrelation peak is lower."""
    clear = await speaker.speak(LINE, Style())
    breathy = await speaker.speak(LINE, Style(breath_db=9.0))
    assert len(breathy.pcm) == pytest.approx(len(clear.pcm), rel=0.02)
    assert harmonicity(breathy) < harmonicity(clear) - 0.01


def harmonicity(speech: Speech) -> float:
    """Mean height of the pitch peak in the autocorrelation of loud frames, 0..1."""
    size, peaks = 960, []
    wave = speech.pcm.astype(np.float64)
    for start in range(0, len(wave) - size, 240):
        frame = wave[start : start + size] - wave[start : start + size].mean()
        if np.sqrt(np.square(frame).mean()) > 1500:
            likeness = np.fft.irfft(np.square(np.abs(np.fft.rfft(frame, 2 * size))))[:size]
            peaks.append(likeness[60:343].max() / likeness[0])
    return float(np.mean(peaks))


async def test_it_starts_with_sound_and_ends_with_the_pause(speaker: HibariSpeaker) -> None:
    """The network's third of a second of silence is cut: it would be waiting time on every turn."""
    as_port: Speaker = speaker
    speech = await as_port.speak("Thank you for waiting.", Style(pause=2.0))
    assert speech.rate_hz == as_port.rate_hz == 24_000
    assert speech.pcm.dtype == np.int16
    loud = np.flatnonzero(np.abs(speech.pcm.astype(np.int32)) > 800)
    assert loud[0] < 0.12 * 24_000
    assert 0.5 * 24_000 < len(speech.pcm) - loud[-1] < 0.9 * 24_000


async def test_sentences_are_joined_with_pauses_of_the_style(speaker: HibariSpeaker) -> None:
    """Two sentences take as long as both alone; the style stretches the pause between them."""
    first, second = "Your bill is ready.", "It is due in March."
    alone = [await speaker.speak(text, Style()) for text in (first, second)]
    both = await speaker.speak(f"{first} {second}", Style())
    slow = await speaker.speak(f"{first} {second}", Style(pause=2.0))
    assert len(both.pcm) == sum(len(one.pcm) for one in alone)
    assert len(slow.pcm) - len(both.pcm) == 2 * round(0.28 * 24_000)


async def test_the_written_words_come_back_in_time(speaker: HibariSpeaker) -> None:
    """Amounts and numbers are spoken as several words, an emoji as none; the words are those that were written."""
    text = "Your bill, \U0001f600 is £29.99. Call 0800 123 4567!"
    speech = await speaker.speak(text, Style())
    assert [word.word for word in speech.words] == text.split()
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert starts[0] < 0.1
    assert starts[-1] < len(speech.pcm) / 24_000 - 0.5
    amount, after = starts[4], starts[5]
    assert after - amount > 1.0, "twenty-nine pounds and ninety-nine pence takes its time"


async def test_nothing_to_say_is_silence_of_no_length(speaker: HibariSpeaker) -> None:
    """No words, no samples, no error."""
    for text in ("", "  ", "\U0001f600", "...", "<br/>", "\u4f60\u597d", "((("):
        speech = await speaker.speak(text, Style())
        assert speech.pcm.shape == (0,), text
        assert speech.words == ()


def test_a_text_without_end_is_cut(voice: HibariVoice) -> None:
    """Some two minutes are spoken at most, and only what is spoken is reported."""
    speech = voice.say("word, " * 3000, Style(rate=1.4))
    assert 30 < len(speech.pcm) / 24_000 < 200
    assert len(speech.words) <= LONGEST_TEXT // 6 + 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["9" * 300, "1," * 100, "a-" * 200, "$" * 200 + "5", "XIV " * 50, "x" * 200])
def test_hostile_text_neither_raises_nor_hangs(voice: HibariVoice, text: str) -> None:
    """Shapes on which the reading rules raise, or take minutes where they are let loose on them."""
    assert len(voice.say(text, Style(rate=1.4)).pcm) > 0


@settings(max_examples=25)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_can_be_spoken(voice: HibariVoice, text: str) -> None:
    """Sound and words agree: both or neither, and never beyond full scale."""
    speech = voice.say(text, Style(rate=1.4))
    assert bool(len(speech.pcm)) == bool(speech.words)
    assert [word.word for word in speech.words] in ([], text.split())


async def test_sentences_at_once_do_not_mix(speaker: HibariSpeaker) -> None:
    """Two threads over one network give what one gives alone."""
    texts = ["Your order has been sent.", "Please restart the router.", "We are open on Monday."]
    alone = [await speaker.speak(text, Style()) for text in texts]
    together = await asyncio.gather(*(speaker.speak(text, Style()) for text in texts))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.pcm, other.pcm)
        assert one.words == other.words


def test_a_voice_that_is_not_here_is_refused() -> None:
    """No voice is fetched over the network; the error says what is wrong."""
    with pytest.raises(EngineFailed, match="no voice 'nobody'"):
        HibariSpeaker.load(voice="nobody")
    with pytest.raises(EngineFailed, match="'emma' is not on this machine"):
        HibariSpeaker.load(voice="emma")


@given(
    st.lists(st.floats(70, 400) | st.just(0.0), min_size=1, max_size=50),
    st.floats(-4, 4),
    st.floats(0.2, 2.0),
)
def test_the_pitch_curve_keeps_its_voicing_and_bounds(curve: list[float], pitch_st: float, spread: float) -> None:
    """Unvoiced stays unvoiced, voiced stays a voice."""
    f0_hz = np.asarray(curve, np.float32)
    shaped = shape_pitch(f0_hz, Style(pitch_st=pitch_st, range=spread))
    assert np.array_equal(shaped > 0, f0_hz > 0)
    assert ((shaped == 0) | ((shaped >= 64) & (shaped <= 451))).all()


@given(st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=50))
def test_the_limiter_bends_and_never_clips(wave: list[float]) -> None:
    """Below full scale, louder stays louder, and what is quiet is untouched."""
    samples = np.sort(np.asarray(wave, np.float32))
    bent = limit(samples)
    assert np.abs(bent).max() < 0.98
    assert all(before <= after for before, after in pairwise(bent))
    quiet = np.abs(samples) <= 0.7
    assert np.array_equal(bent[quiet], samples[quiet])
