"""Who has the floor: a nod, a cough, an echo, a word that means it."""

from __future__ import annotations

import pytest

from pipelines.turns.backchannel import is_hum, is_listening, is_noise, is_ours
from pipelines.turns.floor import LONG_S, LONGEST_HOLD_S, WORDS_S, Floor, Moment, Move, Said

TALK = Said("you can restart the router with the button", 4.0, asks=False)


def moment(
    now_s: float,
    *,
    voiced_s: float = 0.0,
    quiet_s: float = 0.0,
    level_db: float = 60.0,
    echo: float = 5.0,
    protected: bool = False,
) -> Moment:
    """A moment while the agent speaks."""
    return Moment(now_s, voiced_s, quiet_s, level_db, echo, sounding=True, protected=protected)


def cut_in(floor: Floor, *, spoken_s: float = 0.4) -> None:
    """The caller speaks for so long into the agent's speech and is silent again at 1.0 + spoken_s."""
    assert floor.listen(moment(1.0, voiced_s=0.1)) is Move.HOLD
    assert floor.speech_began(1.1, 0.9, sounding=True) is Move.NOTHING
    assert floor.listen(moment(1.0 + spoken_s, voiced_s=spoken_s)) is Move.NOTHING
    floor.speech_ended(1.0 + spoken_s, 60.0)


def test_the_first_voice_only_makes_the_agent_hold() -> None:
    """Three windows of voice: the agent holds, and nobody has lost the floor."""
    floor = Floor()
    assert floor.listen(moment(1.0, voiced_s=0.06)) is Move.NOTHING
    assert floor.listen(moment(1.1, voiced_s=0.1)) is Move.HOLD


def test_a_click_is_over_in_a_moment() -> None:
    """Voice that never becomes speech: the agent goes on."""
    floor = Floor()
    floor.listen(moment(1.0, voiced_s=0.1))
    assert floor.listen(moment(1.1, quiet_s=0.06)) is Move.NOTHING
    assert floor.listen(moment(1.2, quiet_s=0.17)) is Move.RESUME


def test_a_rattle_does_not_hold_for_ever() -> None:
    """Sound that comes and goes is no speech."""
    floor = Floor()
    floor.listen(moment(1.0, voiced_s=0.1))
    assert floor.listen(moment(1.0 + LONGEST_HOLD_S, voiced_s=0.03)) is Move.RESUME


@pytest.mark.parametrize("text", ["Mm-hmm.", "yeah, okay", "Uh-huh", "I see.", "Okay. All right.", "", "[cough]"])
def test_a_nod_or_a_cough_gives_the_floor_back(text: str) -> None:
    """The agent goes on after words of listening and after no words."""
    floor = Floor()
    cut_in(floor)
    assert floor.words(text, 0.9, TALK) is Move.RESUME


@pytest.mark.parametrize(
    "text", ["Stop.", "no", "Wait a second.", "Yes but I asked for something else", "Hello?", "Ok no."]
)
def test_words_that_mean_it_take_the_floor(text: str) -> None:
    """However short they are."""
    floor = Floor()
    cut_in(floor)
    assert floor.words(text, 0.9, TALK) is Move.YIELD


def test_long_speech_takes_the_floor_before_its_words_are_known() -> None:
    """Nobody nods for longer than a second."""
    floor = Floor()
    floor.listen(moment(1.0, voiced_s=0.1))
    floor.speech_began(1.1, 0.9, sounding=True)
    assert floor.listen(moment(0.9 + LONG_S, voiced_s=LONG_S)) is Move.YIELD


def test_a_yes_to_the_question_that_is_ending_is_its_answer() -> None:
    """The last words of a question are often talked over."""
    floor = Floor()
    cut_in(floor)
    assert floor.words("Yes.", 0.9, Said("put you through to a colleague", 0.6, asks=True)) is Move.YIELD


def test_a_nod_early_in_a_question_is_a_nod() -> None:
    """While much of it is left to say."""
    floor = Floor()
    cut_in(floor)
    assert floor.words("Yes.", 0.9, Said("would you like me", 3.0, asks=True)) is Move.RESUME


def test_a_recogniser_that_says_nothing_does_not_silence_the_agent() -> None:
    """Short sound: the agent goes on; long: the caller is asked."""
    short, long = Floor(), Floor()
    cut_in(short, spoken_s=0.4)
    cut_in(long, spoken_s=0.9)
    assert short.listen(moment(1.5 + WORDS_S, quiet_s=1.0)) is Move.RESUME
    assert long.listen(moment(2.0 + WORDS_S, quiet_s=1.0)) is Move.YIELD


def test_an_echo_is_not_held_for_and_a_caller_over_it_is() -> None:
    """Our own voice comes back; then somebody speaks over it."""
    floor = Floor()
    assert floor.listen(moment(1.0, voiced_s=0.3, echo=15.0)) is Move.NOTHING
    assert floor.speech_began(1.1, 0.9, sounding=True) is Move.NOTHING
    assert floor.listen(moment(2.0, voiced_s=1.0, echo=15.0)) is Move.NOTHING
    assert floor.listen(moment(2.1, voiced_s=1.1, echo=5.0)) is Move.HOLD


def test_what_was_an_echo_takes_no_floor_whatever_is_recognised_in_it() -> None:
    """A recogniser may make anything of our own voice from a loudspeaker."""
    floor = Floor()
    floor.speech_began(1.1, 0.9, sounding=True)
    for place in range(20):
        floor.listen(moment(1.2 + 0.02 * place, voiced_s=0.3, echo=15.0 if place % 4 else 6.0, protected=True))
    floor.speech_ended(1.7, 50.0)
    assert floor.words("how do I get to the station", 0.9, TALK) is Move.NOTHING


def test_after_a_false_alarm_the_agent_is_not_startled_again_at_once() -> None:
    """The next short sound does not hold it, a longer one does."""
    floor = Floor()
    cut_in(floor)
    assert floor.words("", 0.9, TALK) is Move.RESUME
    assert floor.listen(moment(1.6, voiced_s=0.1)) is Move.NOTHING
    assert floor.listen(moment(1.8, voiced_s=0.26)) is Move.HOLD


def test_words_of_our_own_are_an_echo() -> None:
    """What comes back as our own sentence takes nothing."""
    floor = Floor()
    floor.speech_began(1.1, 0.9, sounding=True)
    floor.speech_ended(2.0, 50.0)
    assert floor.words("restart the router with a button", 0.9, TALK) is Move.NOTHING


def test_somebody_far_off_does_not_hold_the_agent() -> None:
    """Another voice in the room, much softer than the caller's."""
    floor = Floor()
    floor.speech_ended(0.5, 65.0)
    assert floor.listen(moment(1.0, voiced_s=0.2, level_db=40.0)) is Move.NOTHING
    assert floor.listen(moment(1.1, voiced_s=0.2, level_db=60.0)) is Move.HOLD


def test_a_notice_is_not_held_and_real_words_into_it_are_a_turn() -> None:
    """The disclosure plays on; what the caller says counts when it is known."""
    floor = Floor()
    assert floor.listen(moment(1.0, voiced_s=0.2, protected=True)) is Move.NOTHING
    assert floor.speech_began(1.1, 0.9, sounding=True) is Move.NOTHING
    floor.speech_ended(1.8, 60.0)
    assert floor.words("I want to speak to a person", 0.9, TALK) is Move.YIELD


def test_while_nobody_speaks_the_caller_has_the_floor_at_once() -> None:
    """No rule but voice activity."""
    assert Floor().speech_began(1.0, 0.8, sounding=False) is Move.YIELD


def test_words_after_the_wait_still_count() -> None:
    """A slow recogniser: the agent went on, and stops again for "stop"."""
    floor = Floor()
    cut_in(floor)
    floor.listen(moment(1.5 + WORDS_S, quiet_s=1.0))
    assert floor.words("stop", 0.9, TALK) is Move.YIELD
    assert floor.words("okay", 0.9, TALK) is Move.NOTHING


@pytest.mark.parametrize("text", ["mm-hm", "Uh-huh.", "Yeah, yeah.", "OK", "Right, I see.", "oh, okay", "Got it."])
def test_listening(text: str) -> None:
    """Words of a listener."""
    assert is_listening(text)


@pytest.mark.parametrize("text", ["no", "stop", "what", "yes I want that", "okay but wait", "", "right right right no"])
def test_more_than_listening(text: str) -> None:
    """Words that want something."""
    assert not is_listening(text)


def test_what_recognisers_make_of_noise() -> None:
    """An unsure "you" is a breath, a sure one is a word."""
    assert is_noise("you", 0.4)
    assert is_noise(" . ", 0.9)
    assert not is_noise("you", 0.9)
    assert not is_noise("stop", 0.2)


def test_our_words_with_a_misheard_one() -> None:
    """In order and nearly all ours."""
    said = "please hold the reset button for ten seconds"
    assert is_ours("hold the recent button for ten", said)
    assert not is_ours("where is the button", said)
    assert not is_ours("button", said)


def test_a_hum_is_told_from_a_short_word() -> None:
    """Recognisers make words of "mm-hm", unsurely; a short "stop" counts however unclear it is."""
    assert is_hum("Man.", 0.24, 0.4)
    assert not is_hum("Stop.", 0.24, 0.4)
    assert not is_hum("Man.", 0.8, 0.4)
    assert not is_hum("Man.", 0.24, 1.0)
    assert not is_hum("Nothing of it works.", 0.24, 0.5)
    floor = Floor()
    cut_in(floor)
    assert floor.words("Mom.", 0.3, TALK) is Move.RESUME
