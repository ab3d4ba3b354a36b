"""A story told as JSON says the same when it is read back."""

from __future__ import annotations

import json
from typing import cast, get_args

import numpy as np
import pytest

from pipelines.emotion.estimate import Emotion, Label
from pipelines.events import EmotionEstimated, Event, ToneChosen
from service.calls.story import from_payload, to_payload
from tests.service.story import ANGRY, APOLOGY, Known, whole_call


def test_every_kind_of_event_survives_json() -> None:
    """Nothing of any event is lost on the way to disk and back."""
    events = whole_call()
    assert {type(event) for event in events} == set(get_args(Event))
    for event in [Known("t", "v").call(), *events]:
        assert from_payload(json.loads(json.dumps(to_payload(event)))) == event


def test_the_shape_of_an_event() -> None:
    """Kind and time first, enums as words, tuples as lists; an emotion carries its model and a tone its style."""
    told = to_payload(EmotionEstimated(1.5, 2, ANGRY))
    assert (told["kind"], told["at_s"], told["turn"]) == ("EmotionEstimated", 1.5, 2)
    assert (told["emotion"]["label"], told["emotion"]["model"]) == ("angry", "test-1+test-1")
    tone = to_payload(ToneChosen(1.5, 2, APOLOGY))["tone"]
    assert (tone["strategy"], tone["name"], tone["rules"]) == ("apologise", "apologetic", ["at-fault", "angry"])
    assert tone["style"]["rate"] == APOLOGY.style.rate


def test_numbers_of_a_model_become_plain_numbers() -> None:
    """NumPy's scalars are numbers; what is no number is null."""
    emotion = Emotion(Label.SAD, cast(float, np.float32(-0.5)), float("nan"), 0.5)
    told = to_payload(EmotionEstimated(1.0, 1, emotion))["emotion"]
    assert told["valence"] == -0.5
    assert told["arousal"] is None
    json.dumps(told, allow_nan=False)


def test_an_unknown_kind_is_an_error() -> None:
    """A reader says that it has no word for something."""
    with pytest.raises(ValueError, match="unknown kind"):
        from_payload({"kind": "Sang", "at_s": 1.0})
    with pytest.raises(ValueError, match="turn"):
        from_payload({"kind": "ToolUsed", "at_s": 1.0})
