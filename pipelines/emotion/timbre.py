"""The colour of a voice and how it moves: cepstra, spectral slopes, steps of pitch and loudness. Pure numpy.

Such low-level descriptors and their statistics say less than a speech network about one corpus, and carry over better
to others: they know no language. The choice follows what is common in the field (cepstra, slopes of the spectrum,
Hammarberg's index, lengths of voiced stretches; Eyben et al., IEEE Trans. Affective Computing 7(2), 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Numbers = NDArray[np.float32]

_BANDS: Final = 20
_CEPSTRA: Final = 12
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 3800.0
_MODULATIONS_HZ: Final = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))
_RANGE_DB: Final = 50.0
_STEADY_ST: Final = 0.02
"""Smaller steps of pitch are neither up nor down."""
_OCTAVE_ERROR_ST: Final = 14.0

NAMES: Final = (
    *(f"cepstrum_{k}_{what}" for what in ("mean", "spread") for k in range(1, _CEPSTRA + 1)),
    *(f"voiced_cepstrum_{k}_{what}" for what in ("mean", "spread") for k in range(1, _CEPSTRA + 1)),
    *(f"cepstrum_{k}_movement" for k in range(1, _CEPSTRA + 1)),
    *("pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_spread_st", "pitch_p20_80_st"),
    *("pitch_rise_st", "pitch_fall_st", "pitch_step_spread_st"),
    *("energy_p20_db", "energy_p80_db", "energy_peak_db", "energy_rise_db", "energy_fall_db", "energy_step_spread_db"),
    *("voiced_stretch_s", "voiced_stretch_spread_s", "unvoiced_stretch_s", "unvoiced_stretch_spread_s"),
    *("voiced_stretches_per_s", "flux_db", "flux_spread_db"),
    *("slope_below_500_db", "slope_to_1500_db", "slope_to_3400_db", "hammarberg_db"),
    *("centre_hz", "centre_spread_hz", "voiced_harmonicity", "voiced_harmonicity_spread"),
    *(f"modulation_{low:g}_{high:g}_hz" for low, high in _MODULATIONS_HZ),
)
"""The vector, in order. Levels are relative to the median of the utterance; slopes per kHz; modulations are shares."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Short stretches of one utterance, one row or value each.

    Attributes:
        rate_hz: of the sound.
        hop_s: from one to the next.
        power: spectra, shape (frames, bins).
        energy_db: level.
        speech: which hold speech.
        pitch_st: semitones above 100 Hz.
        strength: of the pitch, 0..1.
        voiced: which hold voiced speech.
    """

    rate_hz: int
    hop_s: float
    power: Numbers
    energy_db: Numbers
    speech: NDArray[np.bool_]
    pitch_st: Numbers
    strength: Numbers
    voiced: NDArray[np.bool_]


def timbre(frames: Frames) -> Numbers:
    """Describe an utterance that holds speech; shape (len(NAMES),)."""
    speech = frames.speech
    voiced = frames.voiced if frames.voiced.sum() >= 5 else speech
    beside = speech[1:] & speech[:-1]
    if not beside.any():
        beside = np.ones(len(speech) - 1, dtype=bool)
    bands = frames.power @ _mel(frames.power.shape[1], frames.rate_hz)
    bands_db = _db(bands, float(bands[speech].max()))
    cepstra = bands_db @ _COSINES
    flux = np.sqrt(np.square(np.diff(bands_db, axis=0)).mean(axis=1))[beside]
    return np.concatenate(
        [
            *(cepstra[speech].mean(axis=0), cepstra[speech].std(axis=0)),
            *(cepstra[voiced].mean(axis=0), cepstra[voiced].std(axis=0)),
            np.abs(np.diff(cepstra, axis=0))[beside].mean(axis=0),
            _pitch(frames.pitch_st, voiced),
            _energy(frames.energy_db, speech, beside),
            _rhythm(voiced, frames.hop_s),
            (flux.mean(), flux.std()),
            _spectrum(frames.power, speech, voiced, frames.rate_hz),
            (frames.strength[voiced].mean(), frames.strength[voiced].std()),
            _modulation(frames.energy_db, speech, frames.hop_s),
        ]
    ).astype(np.float32)


_COSINES: Final = np.asarray(fft.dct(np.eye(_BANDS), norm="ortho", axis=0)[1 : _CEPSTRA + 1].T, dtype=np.float32)

_FILTERS: dict[tuple[int, int], Numbers] = {}


def _mel(bins: int, rate_hz: int) -> Numbers:
    """Triangles that are equally wide on the mel scale, shape (bins, bands)."""
    if (bins, rate_hz) not in _FILTERS:
        low, high = (2595 * np.log10(1 + pitch_hz / 700) for pitch_hz in (_LOWEST_HZ, _HIGHEST_HZ))
        edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
        at_hz = np.linspace(0, rate_hz / 2, bins)[:, None]
        rising = (at_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - at_hz) / (edges[2:] - edges[1:-1])
        _FILTERS[bins, rate_hz] = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return _FILTERS[bins, rate_hz]


def _db(power: Numbers, loudest: float) -> Numbers:
    """In dB, with a floor below the loudest where a telephone line ends: what lies there is no voice."""
    return np.asarray(10 * np.log10(power + np.float32(max(1.0, loudest * 10 ** (-_RANGE_DB / 10)))), dtype=np.float32)


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _spread(values: NDArray[np.floating]) -> float:
    return float(values.std()) if len(values) else 0.0


def _pitch(pitch_st: Numbers, voiced: NDArray[np.bool_]) -> tuple[float, ...]:
    kept = voiced & (np.abs(pitch_st - np.median(pitch_st[voiced])) < _OCTAVE_ERROR_ST)
    held = pitch_st[kept]
    steps = np.diff(pitch_st)[kept[1:] & kept[:-1]]
    low, middle, high = np.percentile(held, (20, 50, 80))
    return (
        *(float(low), float(middle), float(high), _spread(held), float(high - low)),
        *(_mean(steps[steps > _STEADY_ST]), -_mean(steps[steps < -_STEADY_ST]), _spread(steps)),
    )


def _energy(energy_db: Numbers, speech: NDArray[np.bool_], beside: NDArray[np.bool_]) -> tuple[float, ...]:
    held = energy_db[speech] - np.median(energy_db[speech])
    steps = np.diff(energy_db)[beside]
    low, high = np.percentile(held, (20, 80))
    return (
        *(float(low), float(high), float(held.max())),
        *(_mean(steps[steps > 0]), -_mean(steps[steps < 0]), _spread(steps)),
    )


def _rhythm(voiced: NDArray[np.bool_], hop_s: float) -> tuple[float, ...]:
    yes, no = _stretches(voiced) * hop_s, _stretches(~voiced) * hop_s
    return _mean(yes), _spread(yes), _mean(no), _spread(no), len(yes) / (len(voiced) * hop_s)


def _stretches(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return edges[1::2] - edges[::2]


def _spectrum(power: Numbers, speech: NDArray[np.bool_], voiced: NDArray[np.bool_], rate_hz: int) -> tuple[float, ...]:
    at_hz = np.linspace(0, rate_hz / 2, power.shape[1]).astype(np.float32)
    mean = power[voiced].mean(axis=0)
    mean_db = _db(mean, float(mean.max()))

    def slope(low_hz: float, high_hz: float) -> float:
        place = (at_hz >= low_hz) & (at_hz < high_hz)
        from_middle = (at_hz[place] - at_hz[place].mean()) / 1000
        return float(from_middle @ (mean_db[place] - mean_db[place].mean()) / (from_middle @ from_middle))

    centre = (power[speech] @ at_hz) / np.maximum(power[speech].sum(axis=1), np.float32(1e-6))
    hammarberg = mean_db[at_hz < 2000].max() - mean_db[at_hz >= 2000].max()
    return (
        *(slope(0, 500), slope(500, 1500), slope(1500, 3400), float(hammarberg)),
        *(_mean(centre), _spread(centre)),
    )


def _modulation(energy_db: Numbers, speech: NDArray[np.bool_], hop_s: float) -> tuple[float, ...]:
    """How the swings of loudness share out between slow and fast ones."""
    swings = np.where(speech, energy_db - energy_db[speech].mean(), 0)
    size = max(512, len(swings))
    power = np.abs(np.fft.rfft(swings, size)) ** 2
    at_hz = np.fft.rfftfreq(size, hop_s)
    whole = float(power[(at_hz > 0.5) & (at_hz < 20)].sum()) + 1e-9
    return tuple(float(power[(at_hz >= low) & (at_hz < high)].sum()) / whole for low, high in _MODULATIONS_HZ)
