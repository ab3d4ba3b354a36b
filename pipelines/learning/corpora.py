"""Corpora of emotional speech in the layouts in which they are published, found in a folder and read clip by clip.

| corpus | layout | labels |
|---|---|---|
| EmoDB | `wav/03a01Fa.wav` | speaker and emotion in the name |
| RAVDESS | `Actor_01/03-01-05-01-01-01-01.wav` | emotion in the name; odd actors are men |
| TESS | `OAF_angry/OAF_back_angry.wav` | speaker and emotion in the name; two women |
| CREMA-D | `AudioWAV/1001_DFA_ANG_XX.wav`, `VideoDemographics.csv` | what was meant, in the name; sex in the table |
| IEMOCAP | `Session1/sentences/wav/*/*.wav`, `Session1/dialog/EmoEvaluation/*.txt` | majority and mean ratings |
| MSP-Podcast | `Audios/*.wav`, `Labels/labels_consensus.csv` or `.json` | majority and mean ratings, published splits |
| any other | `labels.csv` (file, speaker, emotion; sex, valence, arousal in -1..1 where known) | as told |
| LibriSpeech | `103-1240-0000.flac`, flat or in `103/1240/` | read speech, neutral; sex from `SPEAKERS.TXT` |

Recordings may be wav or flac. What cannot be used is left out and counted, by reason.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import soundfile

from pipelines.emotion.voice import AS_LABEL
from pipelines.learning.emotion import Clip

SUFFIXES: Final = frozenset({".wav", ".flac"})

DEEPEST: Final = 3
"""How many folders down a corpus is looked for."""

SHORTEST_S: Final = 0.1

PIECE_S: Final = 3.0
"""Length of the pieces that read speech is cut into, about that of a turn."""

EMODB: Final = "EmoDB"
LIBRISPEECH: Final = "LibriSpeech"
MSP_PODCAST: Final = "MSP-Podcast"
TESS: Final = "TESS"


@dataclass(frozen=True, slots=True)
class Recording:
    """One labelled file of a corpus, not read yet.

    Attributes:
        file: where it lies.
        name: unique in its corpus.
        speaker: whose voice it is.
        emotion: a class of `voice.AS_LABEL`.
        sex: 'f', 'm' or None where the corpus does not tell.
        valence: -1..1 as listeners rated it, None without ratings.
        arousal: the same.
        split: the published part it belongs to, else empty.
    """

    file: Path
    name: str
    speaker: str
    emotion: str
    sex: str | None = None
    valence: float | None = None
    arousal: float | None = None
    split: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Speakers that a head is measured on, and those that it learns from."""

    name: str
    held_out: frozenset[str]
    taught: frozenset[str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was found in a folder.

    Attributes:
        name: as published, or the folder's name for `labels.csv`.
        folder: where it lies.
        recordings: what can be used, by name.
        left_out: reason -> how many files were not used for it.
    """

    name: str
    folder: Path
    recordings: tuple[Recording, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def speakers(self) -> dict[str, str | None]:
        """Speaker -> sex."""
        return {one.speaker: one.sex for one in self.recordings}

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that occur, sorted."""
        return tuple(sorted({one.emotion for one in self.recordings}))

    @property
    def is_read(self) -> bool:
        """Whether it is read speech, without emotions to tell apart."""
        return self.name == LIBRISPEECH

    def folds(self, most: int = 10) -> list[Fold]:
        """Who is measured on whom: published test sets, else sessions, else speakers, in groups where there are many.

        Speakers of a published test set are never learned from.
        """
        splits: dict[str, set[str]] = {}
        for one in self.recordings:
            splits.setdefault(one.split or one.speaker, set()).add(one.speaker)
        everybody = frozenset(self.speakers)
        tests = {name: frozenset(held) for name, held in splits.items() if name.startswith("Test")}
        if tests:
            taught = everybody.difference(*tests.values())
            return [Fold(name, tests[name], taught) for name in sorted(tests)]
        if len(splits) > most:
            ordered = sorted(everybody)
            splits = {f"group {place + 1}": set(ordered[place::most]) for place in range(most)}
        return [Fold(name, frozenset(splits[name]), everybody - splits[name]) for name in sorted(splits)]


class NoCorpus(Exception):
    """A folder that holds no corpus in a layout that is known."""


class Broken(Exception):
    """A recording that cannot be used; the message says why."""


@dataclass(slots=True)
class Shelf:
    """A corpus while its labels are read."""

    folder: Path
    kept: list[Recording] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def put(self, file: Path, speaker: str, emotion: str | None, **known: Any) -> None:
        """Take a recording in, or count why not."""
        if emotion is None or emotion not in AS_LABEL:
            self.left_out[f"class {emotion or 'unknown'}"] += 1
        else:
            self.kept.append(Recording(file, file.relative_to(self.folder).as_posix(), speaker, emotion, **known))

    def corpus(self, name: str) -> Corpus:
        """What was taken in."""
        kept = tuple(sorted(self.kept, key=lambda one: one.name))
        return Corpus(name, self.folder, kept, dict(sorted(self.left_out.items())))


Reader = Callable[[Path], Corpus | None]
"""A folder to the corpus in it, None where it is not laid out so."""


def audio_files(folder: Path, pattern: str = "*") -> list[Path]:
    """Recordings of a folder by a glob pattern, sorted; what a file system hides is not among them."""
    found = (file for file in folder.glob(pattern) if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in found if not file.name.startswith("."))


_EMODB_NAME: Final = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])[a-z]?")
_EMODB_CLASSES: Final = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_EMODB_WOMEN: Final = frozenset({"08", "09", "13", "14", "16"})


def read_emodb(folder: Path) -> Corpus | None:
    """Burkhardt et al. 2005: names like `03a01Fa`, in the folder or in `wav/`, with or without a labels.csv of ours."""
    files = audio_files(folder) or audio_files(folder, "wav/*")
    named = [(file, match) for file in files if (match := _EMODB_NAME.fullmatch(file.stem))]
    if not named or len(named) < len(files) / 2:
        return None
    shelf = Shelf(folder)
    shelf.left_out.update({"other name": len(files) - len(named)} if len(named) < len(files) else {})
    for file, match in named:
        sex = "f" if match[1] in _EMODB_WOMEN else "m"
        shelf.put(file, match[1], _EMODB_CLASSES[match[3]], sex=sex)
    return shelf.corpus(EMODB)


_RAVDESS_NAME: Final = re.compile(r"(\d\d)-(\d\d)-(\d\d)-\d\d-\d\d-\d\d-(\d\d)")
_RAVDESS_CLASSES: Final = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}


def read_ravdess(folder: Path) -> Corpus | None:
    """Livingstone and Russo 2018: speech, audio only; songs and the sound of films are left out."""
    files = audio_files(folder, "Actor_*/*")
    if not files:
        return None
    shelf = Shelf(folder)
    for file in files:
        match = _RAVDESS_NAME.fullmatch(file.stem)
        if match is None:
            shelf.left_out["other name"] += 1
        elif match[1] != "03":
            shelf.left_out["not audio-only"] += 1
        elif match[2] != "01":
            shelf.left_out["song"] += 1
        else:
            sex = "m" if int(match[4]) % 2 else "f"
            shelf.put(file, match[4], _RAVDESS_CLASSES.get(match[3]), sex=sex)
    return shelf.corpus("RAVDESS") if shelf.kept else None


_TESS_NAME: Final = re.compile(r"(OAF?|YAF)_.+_(\w+)", re.IGNORECASE)
_TESS_CLASSES: Final = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}


def read_tess(folder: Path) -> Corpus | None:
    """Pichora-Fuller and Dupuis 2020: `OAF_angry/OAF_back_angry.wav`, folders as they come or all files in one."""
    files = audio_files(folder, "[OoYy]A[Ff]*_*/*") or audio_files(folder, "[OoYy]A*_*_*")
    named = [(file, match) for file in files if (match := _TESS_NAME.fullmatch(file.stem))]
    if not named:
        return None
    shelf = Shelf(folder)
    for file, match in named:  # one file of the published set is called OA_bite_neutral
        shelf.put(file, match[1].upper()[:1] + "AF", _TESS_CLASSES.get(match[2].lower()), sex="f")
    return shelf.corpus(TESS)


_CREMA_NAME: Final = re.compile(r"(\d{4})_[A-Z]{3}_([A-Z]{3})_[A-Z]{1,2}")
_CREMA_CLASSES: Final = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}


def read_crema_d(folder: Path) -> Corpus | None:
    """Cao et al. 2014: the emotion that the actor meant."""
    files = audio_files(folder, "AudioWAV/*") or audio_files(folder, "[0-9][0-9][0-9][0-9]_*")
    named = [(file, match) for file in files if (match := _CREMA_NAME.fullmatch(file.stem))]
    if not named:
        return None
    table = next((one for one in (folder, folder.parent) if (one / "VideoDemographics.csv").is_file()), None)
    sexes = {
        row["ActorID"].strip(): row["Sex"].strip().lower()[:1]
        for row in (_rows(table / "VideoDemographics.csv") if table else ())
    }
    shelf = Shelf(folder)
    for file, match in named:
        shelf.put(file, match[1], _CREMA_CLASSES.get(match[2]), sex=sexes.get(match[1]))
    return shelf.corpus("CREMA-D")


_IEMOCAP_LINE: Final = re.compile(
    r"\[[\d.]+ - [\d.]+\]\s+(?P<name>\S+)\s+(?P<emotion>\w+)\s+\[(?P<valence>[\d.]+), (?P<activation>[\d.]+), [\d.]+\]"
)
_IEMOCAP_CLASSES: Final = {
    "ang": "anger",
    "exc": "happiness",
    "hap": "happiness",
    "neu": "neutral",
    "sad": "sadness",
}


def read_iemocap(folder: Path) -> Corpus | None:
    """Busso et al. 2008: the four classes that results are published on, excitement counted as happiness.

    Frustration, surprise and what raters did not agree on are left out. Ratings go from 1 to 5.
    """
    sheets = sorted(folder.glob("Session[1-5]/dialog/EmoEvaluation/Ses*.txt"))
    if not sheets:
        return None
    shelf = Shelf(folder)
    for sheet in sheets:
        session = sheet.parents[2]
        for line in sheet.read_text("utf-8", errors="replace").splitlines():
            if (match := _IEMOCAP_LINE.match(line)) is None:
                continue
            name, emotion = match["name"], match["emotion"]
            if emotion not in _IEMOCAP_CLASSES:
                shelf.left_out[f"class {emotion}"] += 1
                continue
            stem = session / "sentences" / "wav" / name.rsplit("_", 1)[0] / name
            sex = name.rsplit("_", 1)[1][:1].lower()
            shelf.put(
                _either(stem),
                f"{session.name}{sex.upper()}",
                _IEMOCAP_CLASSES[emotion],
                sex=sex if sex in ("f", "m") else None,
                valence=(float(match["valence"]) - 3) / 2,
                arousal=(float(match["activation"]) - 3) / 2,
                split=session.name,
            )
    return shelf.corpus("IEMOCAP")


def _either(stem: Path) -> Path:
    """The recording by that name with the ending that is there."""
    flac = stem.with_name(stem.name + ".flac")
    return flac if flac.is_file() else stem.with_name(stem.name + ".wav")


_MSP_CLASSES: Final = {
    "A": "anger",
    "C": "contempt",
    "D": "disgust",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "U": "surprise",
}


def read_msp_podcast(folder: Path) -> Corpus | None:
    """Lotfian and Busso 2019: consensus labels; "other", no agreement and unknown speakers are left out.

    Ratings go from 1 to 7.
    """
    tables = [folder / "Labels" / f"labels_consensus{suffix}" for suffix in (".csv", ".json")]
    table = next((one for one in tables if one.is_file()), None)
    if table is None:
        return None
    rows = _msp_rows(table)
    wanted = {"FileName", "EmoClass", "EmoVal", "EmoAct"}
    if missing := sorted(wanted - set(rows[0]) if rows else wanted):
        raise NoCorpus(f"{table}: no {', '.join(missing)}")
    shelf = Shelf(folder)
    for row in rows:
        emotion = str(row["EmoClass"]).strip()
        speaker = str(row.get("SpkrID", "")).strip()
        if emotion not in _MSP_CLASSES:
            shelf.left_out[f"class {emotion}"] += 1
        elif not speaker or speaker.lower() == "unknown":
            shelf.left_out["unknown speaker"] += 1
        else:
            sex = str(row.get("Gender", "")).strip().lower()[:1]
            shelf.put(
                _either(folder / "Audios" / Path(row["FileName"]).stem),
                speaker,
                _MSP_CLASSES[emotion],
                sex=sex if sex in ("f", "m") else None,
                valence=(_number(row["EmoVal"], table) - 4) / 3,
                arousal=(_number(row["EmoAct"], table) - 4) / 3,
                split=str(row.get("Split_Set", "")).strip(),
            )
    return shelf.corpus(MSP_PODCAST)


def _msp_rows(table: Path) -> list[dict[str, Any]]:
    if table.suffix == ".csv":
        return [dict(row) for row in _rows(table)]
    try:
        held = json.loads(table.read_text("utf-8"))
    except ValueError as broken:
        raise NoCorpus(f"{table}: {broken}") from broken
    return [{"FileName": name, **row} for name, row in held.items()]


def _number(told: object, table: Path) -> float:
    try:
        return float(str(told))
    except ValueError as broken:
        raise NoCorpus(f"{table}: {told!r} is no number") from broken


def read_labelled(folder: Path) -> Corpus | None:
    """A `labels.csv` beside the recordings: columns file, speaker, emotion; sex, valence and arousal where known."""
    table = folder / "labels.csv"
    if not table.is_file():
        return None
    shelf = Shelf(folder)
    for number, row in enumerate(_rows(table), 2):
        missing = [column for column in ("file", "speaker", "emotion") if not row.get(column)]
        if missing:
            raise NoCorpus(f"{table}, line {number}: nothing under {', '.join(missing)}")
        shelf.put(
            folder / row["file"],
            row["speaker"],
            row["emotion"],
            sex=row.get("sex") or None,
            valence=_number(row["valence"], table) if row.get("valence") else None,
            arousal=_number(row["arousal"], table) if row.get("arousal") else None,
        )
    return shelf.corpus(folder.name)


_READ_NAME: Final = re.compile(r"(\d+)-\d+-\d{4}")


def read_librispeech(folder: Path) -> Corpus | None:
    """Panayotov et al. 2015: read speech, taken as neutral."""
    files = audio_files(folder, "*-*-*") or audio_files(folder, "[0-9]*/[0-9]*/*-*-*")
    named = [(file, match) for file in files if (match := _READ_NAME.fullmatch(file.stem))]
    if not named:
        return None
    sexes = _librispeech_sexes(folder)
    shelf = Shelf(folder)
    for file, match in named:
        shelf.put(file, f"read-{match[1]}", "neutral", sex=sexes.get(match[1]))
    return shelf.corpus(LIBRISPEECH)


def _librispeech_sexes(folder: Path) -> dict[str, str]:
    """Reader -> sex, from `SPEAKERS.TXT` in the folder or above; empty without one."""
    table = next((one / "SPEAKERS.TXT" for one in (folder, folder.parent) if (one / "SPEAKERS.TXT").is_file()), None)
    if table is None:
        return {}
    lines = [line.split("|") for line in table.read_text("utf-8").splitlines() if not line.startswith(";")]
    return {cells[0].strip(): cells[1].strip().lower() for cells in lines if len(cells) > 2}


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as held:
        return list(csv.DictReader(held))


READERS: Final[tuple[Reader, ...]] = (
    read_emodb,
    read_ravdess,
    read_iemocap,
    read_msp_podcast,
    read_crema_d,
    read_tess,
    read_librispeech,
    read_labelled,
)
"""In the order in which a folder is tried."""


def find_corpora(folder: Path, deepest: int = DEEPEST) -> list[Corpus]:
    """The corpora in a folder: the folder itself, or what lies in the folders below it. Names are made to differ.

    Raises:
        NoCorpus: a table of labels is not what it should be.
        OSError: a folder or table cannot be read.
    """
    for read in READERS:
        if (corpus := read(folder)) is not None:
            return [corpus]
    if deepest == 0:
        return []
    found = [corpus for one in _below(folder) for corpus in find_corpora(one, deepest - 1)]
    seen: Counter[str] = Counter()
    for place, corpus in enumerate(found):
        seen[corpus.name] += 1
        if seen[corpus.name] > 1 and deepest == DEEPEST:
            found[place] = replace(corpus, name=f"{corpus.name} {seen[corpus.name]}")
    return found


def is_goemotions(folder: Path) -> bool:
    """Whether GoEmotions lies in it: train.tsv, dev.tsv, test.tsv as published, and the names of the labels."""
    return all((folder / name).is_file() for name in ("train.tsv", "dev.tsv", "test.tsv", "labels.txt"))


def is_calls(folder: Path) -> bool:
    """Whether it holds recordings of calls: a folder of that name with audio."""
    return folder.name == "calls" and bool(audio_files(folder))


def find_folder(folder: Path, wanted: Callable[[Path], bool], deepest: int = DEEPEST) -> Path | None:
    """The first folder that is as wanted, from the top down."""
    if wanted(folder):
        return folder
    if deepest == 0:
        return None
    return next((found for one in _below(folder) if (found := find_folder(one, wanted, deepest - 1)) is not None), None)


def _below(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def read_sound(file: Path) -> Clip:
    """One recording as mono 16-bit audio, without labels.

    Raises:
        Broken: it is missing, cannot be decoded, is empty, too short, silent, or holds what is no number.
    """
    try:
        sound, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as unreadable:
        raise Broken("missing" if not file.exists() else f"not readable ({unreadable})") from unreadable
    if len(sound) < SHORTEST_S * rate_hz:
        raise Broken(f"{len(sound) / rate_hz:.2f} s long")
    if not np.isfinite(sound).all():
        raise Broken("samples that are no numbers")
    if not sound.any():
        raise Broken("silent")
    mono = sound.mean(axis=1) if sound.shape[1] > 1 else sound[:, 0]
    pcm = np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)
    return Clip(file.name, "", "", pcm, rate_hz)


def clips_of(recording: Recording, *, cut: bool = False) -> list[Clip]:
    """The clip of a recording, or its pieces of PIECE_S where it is a long reading.

    Raises:
        Broken: see `read_sound`.
    """
    sound = read_sound(recording.file)
    if not cut:
        return [Clip(recording.name, recording.speaker, recording.emotion, sound.pcm, sound.rate_hz)]
    size = int(PIECE_S * sound.rate_hz)
    return [
        Clip(f"{recording.name}-{start // size}", recording.speaker, recording.emotion, piece, sound.rate_hz)
        for start in range(0, len(sound.pcm), size)
        if len(piece := sound.pcm[start : start + size]) > size * 2 // 3
    ]


def drawn(corpus: Corpus, most: int) -> Corpus:
    """At most so many recordings, drawn by a hash of their names: the same for everybody."""
    if len(corpus.recordings) <= most:
        return corpus
    kept = sorted(corpus.recordings, key=lambda one: crc32(one.name.encode()))[:most]
    left_out = {**corpus.left_out, "beyond the limit": len(corpus.recordings) - most}
    return replace(corpus, recordings=tuple(sorted(kept, key=lambda one: one.name)), left_out=left_out)
