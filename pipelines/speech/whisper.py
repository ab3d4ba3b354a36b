"""Whisper on the CPU through CTranslate2, encoding only as much sound as there is.

Whisper's encoder expects 30 s and most of its time goes into padding. A caller's utterance lasts a few seconds, so we
encode a window of at least `WINDOW_S` and fall back to the full 30 s in the rare case that the short one derails: the
decoder runs to its cap, is unsure of itself or repeats itself. On telephone prompts words are recognised as well as
with 30 s in a third of the time; windows under 10 s lose words. Encoder states are pooled on the way out: the emotion
head listens to the same ones.

On noise, tones and breath Whisper invents words ("you"). It also says itself that it is unsure (mean token
log-probability under -1.8) and that nobody spoke (no-speech probability over 0.4). On single words, where the first
happens too, the second stays under 0.3: only both together mean that nothing was said.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
import soxr
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray
from tokenizers import Tokenizer as TokenTable

from pipelines.emotion.pooling import ENCODER_FRAMES_PER_S, pool_states
from pipelines.ports import EngineFailed, Pcm, Recognition
from pipelines.speech.pool import Pool

RATE_HZ = 16_000
MEL_FRAMES_PER_S = 100
FULL_WINDOW_S = 30.0
WINDOW_S = 10.0
TAIL_S = 2.0
"""Padding kept after the speech; without it the decoder does not know that the speech has ended."""
PIECE_S = 28.0
SEARCH_S = 8.0
"""Longer speech is cut at the quietest place of the last SEARCH_S before PIECE_S."""
TOKENS_PER_S = 7
TOKENS_SPARE = 10
MAX_TOKENS = 440
UNSURE = -0.9
"""Mean log-probability of tokens under which words of a short window are tried again with the full one."""
FEW_TOKENS = 3
UNSURE_FEW = -1.8
"""One word is unsure by nature: half of all one-word prompts score under -0.9 and few get better in a long window."""
NO_SPEECH = 0.4
NOTHING_SAID = -1.5
SILENCE_DBFS = -50.0
"""Speech on a telephone line is 20 to 30 dB louder; comfort noise is below."""
LEVEL_FRAME_S = 0.03

Wave = NDArray[np.float32]


def window_s(speech_s: float) -> float:
    """Seconds to encode for so much speech."""
    return min(FULL_WINDOW_S, max(WINDOW_S, speech_s + TAIL_S))


def token_cap(speech_s: float) -> int:
    """More tokens than this nobody speaks: the decoder has run away."""
    return min(MAX_TOKENS, int(TOKENS_PER_S * speech_s) + TOKENS_SPARE)


def loops(tokens: Sequence[int]) -> bool:
    """Whether a clause of three or more tokens comes three times in a row, as in a decoder's loop; menus do not."""
    for period in range(3, len(tokens) // 3 + 1):
        same = 0
        for place in range(period, len(tokens)):
            same = same + 1 if tokens[place] == tokens[place - period] else 0
            if same == 2 * period:
                return True
    return False


def loudness_dbfs(wave: Wave) -> float:
    """Level of the loudest tenth of 30 ms frames; minus infinity becomes -120."""
    size = int(LEVEL_FRAME_S * RATE_HZ)
    if not len(wave):
        return -120.0
    frames = _frames(wave, size) if len(wave) >= size else wave.reshape(1, -1)
    powers = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loudest = powers[-max(1, len(powers) // 10) :]
    return float(10.0 * np.log10(max(float(loudest.mean()), 1e-12)))


def pieces(wave: Wave) -> list[Wave]:
    """Speech in pieces of at most PIECE_S, cut where it is quietest."""
    found: list[Wave] = []
    size = int(LEVEL_FRAME_S * RATE_HZ)
    while len(wave) > int(PIECE_S * RATE_HZ):
        start = int((PIECE_S - SEARCH_S) * RATE_HZ)
        powers = np.mean(np.square(_frames(wave[start : int(PIECE_S * RATE_HZ)], size)), axis=1)
        # A pause is a run of quiet frames: smoothing over 0.3 s keeps the gap inside a word from winning.
        smooth = np.convolve(powers, np.ones(10) / 10, mode="valid")
        cut = start + (int(np.argmin(smooth)) + 5) * size
        found.append(wave[:cut])
        wave = wave[cut:]
    return [*found, wave]


def _frames(wave: Wave, size: int) -> Wave:
    return wave[: len(wave) // size * size].reshape(-1, size)


def unsure(tokens: Sequence[int], score: float) -> bool:
    """Whether words are to be tried again with the full window."""
    return score < (UNSURE_FEW if len(tokens) <= FEW_TOKENS else UNSURE)


def nothing_said(text: str, score: float, no_speech: float) -> bool:
    """Whether the words are invented over noise."""
    return not any(letter.isalnum() for letter in text) or (no_speech > NO_SPEECH and score < NOTHING_SAID)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One encode and decode of one piece; empty text where nothing was said."""

    text: str
    tokens: tuple[int, ...]
    score: float
    window_s: float
    states: NDArray[np.float32]
    encode_s: float
    decode_s: float


class WhisperRecogniser:
    """`ports.Recogniser` with Whisper in this process: one model, shared by all calls."""

    def __init__(
        self,
        model: ctranslate2.models.Whisper,
        tokenizer: Tokenizer,
        *,
        name: str,
        at_once: int = 1,
        waiting: int = 64,
    ) -> None:
        """Take a loaded model (see `load`).

        Args:
            model: CTranslate2's Whisper with `at_once` workers.
            tokenizer: its tokens, language set.
            name: engine name in `Recognition.engine`.
            at_once: recognitions at once.
            waiting: recognitions that may wait; more are refused.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        self._features = FeatureExtractor(feature_size=model.n_mels)
        self._engine = name
        self._pool = Pool("recogniser", at_once=at_once, waiting=waiting)

    @classmethod
    def load(
        cls, path: Path, *, threads: int = 2, at_once: int = 1, waiting: int = 64, language: str = "en"
    ) -> WhisperRecogniser:
        """Load a model. It blocks for about half a second: call it in a thread.

        Args:
            path: folder with model.bin, config.json, tokenizer.json and vocabulary.txt.
            threads: processor threads of one recognition.
            at_once: recognitions at once.
            waiting: recognitions that may wait.
            language: spoken language, told to multilingual models.

        Raises:
            EngineFailed: files are missing or broken.
        """
        table = path / "tokenizer.json"
        if not (path / "model.bin").is_file() or not table.is_file():
            raise EngineFailed(f"recogniser: {path} holds no Whisper model (model.bin, tokenizer.json)")
        try:
            model = ctranslate2.models.Whisper(
                str(path), compute_type="int8", inter_threads=at_once, intra_threads=threads
            )
            tokenizer = Tokenizer(
                TokenTable.from_file(str(table)), model.is_multilingual, task="transcribe", language=language
            )
        except (RuntimeError, ValueError) as broken:
            raise EngineFailed(f"recogniser: {path}: {broken}") from broken
        return cls(model, tokenizer, name=f"whisper:{path.name}", at_once=at_once, waiting=waiting)

    async def warm_up(self) -> None:
        """Recognise two seconds of noise, so that the first caller does not pay for memory and threads.

        Raises:
            EngineFailed: the model does not run.
        """
        noise = np.random.default_rng(0).normal(0.0, 1000.0, 2 * RATE_HZ).astype(np.int16)
        await self._pool.run(lambda: self.recognise_here(noise, RATE_HZ), deadline_s=60.0)

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """See `ports.Recogniser`; the deadline grows with the speech."""
        deadline_s = 10.0 + len(pcm) / rate_hz
        return await self._pool.run(lambda: self.recognise_here(pcm, rate_hz), deadline_s=deadline_s)

    def close(self) -> None:
        """Drop waiting work; running work ends by itself."""
        self._pool.close()

    def recognise_here(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Recognise in the calling thread. Blocks; for offline work and the pool.

        Raises:
            RuntimeError: CTranslate2 failed.
        """
        wave = _wave(pcm, rate_hz)
        if loudness_dbfs(wave) < SILENCE_DBFS:
            return Recognition("", 0.0, None, 0.0, 0.0, self._engine)
        tries = [self._try(piece) for piece in pieces(wave)]
        passes = [one for tried in tries for one in tried]
        kept = [tried[-1] for tried in tries]
        # Emotion heads are trained on the short window: a second try does not change what they hear.
        states = np.concatenate([min(tried, key=lambda one: one.window_s).states for tried in tries])
        text = " ".join(one.text for one in kept if one.text)
        weights = np.array([len(one.tokens) + 1 for one in kept], dtype=np.float64)
        score = float(np.average([one.score for one in kept], weights=weights))
        return Recognition(
            text=text,
            confidence=float(np.exp(score)) if text else 0.0,
            encoded=pool_states(states, len(states) / ENCODER_FRAMES_PER_S) if text else None,
            encode_s=sum(one.encode_s for one in passes),
            decode_s=sum(one.decode_s for one in passes),
            engine=self._engine,
            retried=len(passes) > len(kept),
        )

    def encode_here(self, pcm: Pcm, rate_hz: int) -> NDArray[np.float32]:
        """Pooled encoder states as in `Recognition.encoded`, without decoding: for training emotion heads. Blocks.

        Raises:
            RuntimeError: CTranslate2 failed.
        """
        states = [self._encode(piece, window_s(len(piece) / RATE_HZ))[1] for piece in pieces(_wave(pcm, rate_hz))]
        joined = np.concatenate(states)
        return pool_states(joined, len(joined) / ENCODER_FRAMES_PER_S)

    def _try(self, wave: Wave) -> list[_Pass]:
        """One pass over a short window and, if it derailed, one over the full window; the last one counts."""
        speech_s = len(wave) / RATE_HZ
        short_s, cap = window_s(speech_s), token_cap(speech_s)
        first = self._run(wave, short_s, cap)
        ran_away = len(first.tokens) >= cap or loops(first.tokens)
        if not first.text or short_s >= FULL_WINDOW_S or not (ran_away or unsure(first.tokens, first.score)):
            return [first]
        second = self._run(wave, FULL_WINDOW_S, MAX_TOKENS)
        better = ran_away or second.score > first.score
        return [first, second] if better else [second, first]

    def _run(self, wave: Wave, seconds: float, cap: int) -> _Pass:
        began_s = time.perf_counter()
        encoded, states = self._encode(wave, seconds)
        encoded_s = time.perf_counter()
        result = self._model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            max_length=len(self._prompt) + cap,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens, score, no_speech = result.sequences_ids[0], result.scores[0], result.no_speech_prob
        text = self._tokenizer.decode(tokens).strip()
        return _Pass(
            text="" if nothing_said(text, score, no_speech) else text,
            tokens=tuple(tokens),
            score=score,
            window_s=seconds,
            states=states,
            encode_s=encoded_s - began_s,
            decode_s=time.perf_counter() - encoded_s,
        )

    def _encode(self, wave: Wave, seconds: float) -> tuple[ctranslate2.StorageView, NDArray[np.float32]]:
        """Encoder states for the decoder, and those of the speech alone, shape (frames, width)."""
        encoded = self._model.encode(ctranslate2.StorageView.from_array(self._mel(wave, seconds)), to_cpu=True)
        speech_frames = int(np.ceil(len(wave) / RATE_HZ * ENCODER_FRAMES_PER_S))
        return encoded, np.array(encoded, dtype=np.float32)[0, :speech_frames]

    def _mel(self, wave: Wave, seconds: float) -> NDArray[np.float32]:
        """Log mel spectrum, shape (1, mels, frames), padded with zeros or cut to the window.

        Zeros in this scale are a murmur, not silence: padding with true silence makes the decoder run on.
        """
        frames = int(np.ceil(seconds * MEL_FRAMES_PER_S / 2)) * 2
        found = self._features(wave)[:, :frames]
        mel = np.zeros((1, found.shape[0], frames), dtype=np.float32)
        mel[0, :, : found.shape[1]] = found
        return mel


def _wave(pcm: Pcm, rate_hz: int) -> Wave:
    wave = pcm.astype(np.float32) / 32768.0
    if rate_hz == RATE_HZ or not len(wave):
        return wave
    return np.asarray(soxr.resample(wave, rate_hz, RATE_HZ), dtype=np.float32)
