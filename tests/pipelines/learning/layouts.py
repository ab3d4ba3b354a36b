"""Tiny corpora in the published layouts, with made-up sound."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

RATE_HZ = 16_000


def sound(file: Path, seconds: float = 0.8) -> None:
    """A recording: a harmonic tone in noise, another one for every name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(crc32(file.name.encode()))
    at_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = chance.uniform(90, 260) * (1 + 0.1 * np.sin(2 * np.pi * chance.uniform(1, 5) * at_s))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in (1, 2, 3, 4, 5))
    soundfile.write(file, 0.15 * tone + 0.005 * chance.standard_normal(len(at_s)), RATE_HZ, subtype="PCM_16")


def emodb(folder: Path) -> Path:
    """The original names, in `wav/`."""
    for name in ("03a01Fa", "03a01Nc", "08a02Wb", "08b10La", "16a05Ea", "10a07Ad", "10a07Ta"):
        sound(folder / "wav" / f"{name}.wav")
    return folder


def ravdess(folder: Path, actors: int = 3, takes: int = 1) -> Path:
    """Eight emotions by each actor; a song and a film's sound besides."""
    for actor in range(1, actors + 1):
        for emotion in range(1, 9):
            for take in range(1, takes + 1):
                name = f"03-01-{emotion:02}-01-01-{take:02}-{actor:02}.wav"
                sound(folder / f"Actor_{actor:02}" / name, 0.7)
    sound(folder / "Actor_01" / "03-02-03-01-01-01-01.wav")
    sound(folder / "Actor_01" / "01-01-03-01-01-01-01.wav")
    return folder


def tess(folder: Path) -> Path:
    """Folders by speaker and emotion; one file lacks a letter of its speaker."""
    for name in ("OAF_angry/OAF_back", "YAF_angry/YAF_bar", "YAF_sad/YAF_bar", "OAF_Pleasant_surprise/OAF_back"):
        emotion = name.split("/")[0].split("_", 1)[1].lower()
        sound(folder / f"{name}_{'ps' if 'surprise' in emotion else emotion}.wav")
    sound(folder / "OAF_neutral" / "OA_bite_neutral.wav")
    return folder


def crema_d(folder: Path, *, demographics: bool = True) -> Path:
    """Two actors, with the table of their sexes or without."""
    for actor in ("1001", "1002"):
        for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
            sound(folder / "AudioWAV" / f"{actor}_DFA_{emotion}_XX.wav")
    if demographics:
        table = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002,21,Female,Caucasian,x\n"
        (folder / "VideoDemographics.csv").write_text(table, "utf-8")
    return folder


def iemocap(folder: Path) -> Path:
    """Two sessions, one dialogue each: 'xxx' has no majority, frustration is not among the four."""
    for session in (1, 2):
        dialogue = f"Ses0{session}F_impro01"
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for turn, (who, emotion, ratings) in enumerate(
            (
                ("F", "neu", "2.5000, 2.5000, 2.5000"),
                ("M", "ang", "1.0000, 5.0000, 4.5000"),
                ("F", "exc", "4.5000, 4.0000, 3.0000"),
                ("M", "fru", "2.0000, 3.0000, 3.0000"),
                ("F", "xxx", "3.0000, 3.0000, 3.0000"),
                ("M", "sad", "2.0000, 1.5000, 2.0000"),
            )
        ):
            name = f"{dialogue}_{who}00{turn}"
            lines.append(f"[{turn}.2901 - {turn}.8357]\t{name}\t{emotion}\t[{ratings}]")
            lines.append("C-E2:\tNeutral;\t()")
            sound(folder / f"Session{session}" / "sentences" / "wav" / dialogue / f"{name}.wav")
        sheet = folder / f"Session{session}" / "dialog" / "EmoEvaluation" / f"{dialogue}.txt"
        sheet.parent.mkdir(parents=True, exist_ok=True)
        sheet.write_text("\n".join(lines) + "\n", "utf-8")
    return folder


MSP_ROWS = (
    ("MSP-PODCAST_0001_0001.wav", "A", 6.2, 1.6, 5.5, "12", "Male", "Train"),
    ("MSP-PODCAST_0001_0002.wav", "H", 5.0, 6.0, 4.5, "12", "Male", "Train"),
    ("MSP-PODCAST_0002_0001.wav", "N", 4.0, 4.0, 4.0, "31", "Female", "Development"),
    ("MSP-PODCAST_0003_0001.wav", "S", 2.0, 2.2, 3.0, "77", "Female", "Test1"),
    ("MSP-PODCAST_0003_0002.wav", "C", 4.0, 3.0, 5.0, "77", "Female", "Test1"),
    ("MSP-PODCAST_0004_0001.wav", "U", 5.0, 4.5, 4.0, "80", "Male", "Test2"),
    ("MSP-PODCAST_0005_0001.wav", "X", 4.0, 4.0, 4.0, "80", "Male", "Test2"),
    ("MSP-PODCAST_0006_0001.wav", "N", 4.0, 4.0, 4.0, "Unknown", "Unknown", "Train"),
)


def msp_podcast(folder: Path, *, as_json: bool = False) -> Path:
    """Consensus labels as a table or as JSON."""
    columns = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
    for name, *_ in MSP_ROWS:
        sound(folder / "Audios" / name)
    (folder / "Labels").mkdir()
    if as_json:
        held = {name: dict(zip(columns[1:], rest, strict=True)) for name, *rest in MSP_ROWS}
        (folder / "Labels" / "labels_consensus.json").write_text(json.dumps(held), "utf-8")
    else:
        lines = [",".join(columns), *(",".join(map(str, row)) for row in MSP_ROWS)]
        (folder / "Labels" / "labels_consensus.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def labelled(folder: Path) -> Path:
    """Our own table beside flac files, with ratings."""
    rows = ["file,speaker,sex,emotion,valence,arousal"]
    for name, speaker, sex, emotion in (("a", "1", "f", "anger"), ("b", "1", "f", "neutral"), ("c", "2", "m", "joy")):
        sound(folder / f"{name}.flac")
        rows.append(f"{name}.flac,{speaker},{sex},{emotion},-0.5,0.25")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


def librispeech(folder: Path, *, nested: bool = False, readers: int = 2, seconds: float = 6.5) -> Path:
    """Readers in one folder or as published, with the table of their sexes above."""
    for reader in range(100, 100 + readers):
        name = f"{reader}-7-0000.flac"
        sound(folder / str(reader) / "7" / name if nested else folder / name, seconds)
    if nested:
        table = ";ID  |SEX| SUBSET |MINUTES| NAME\n100 | F | test-other | 8.1 | One\n101 | M | test-other | 8.1 | Two\n"
        (folder.parent / "SPEAKERS.TXT").write_text(table, "utf-8")
    return folder


def goemotions(folder: Path) -> Path:
    """Three splits of a few texts."""
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("anger\njoy\nneutral\n", "utf-8")
    texts = ("I am furious about this\t0\tx", "wonderful, thank you\t1\ty", "the invoice is here\t2\tz")
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(texts) + "\n", "utf-8")
    return folder
