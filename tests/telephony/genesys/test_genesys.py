"""Scenes of Genesys AudioHook: the signed handshake, and what the protocol wants besides audio."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import Ignored, IgnoredReason, Start
from telephony.genesys.carrier import Genesys
from telephony.genesys.codec import GenesysCodec
from telephony.genesys.signature import NEEDED, Client, is_signed, sign, signature_base

SECRET = base64.b64encode(b"a shared secret of 32 bytes at least").decode()
OTHER = base64.b64encode(b"another secret of 32 bytes at least").decode()
CLIENT = Client("the-key", SECRET)
NOW_S = 1_700_000_000.0
HEADERS = {
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": "the-key",
}
TAIL = ';keyid="the-key";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1700000000;expires=1700000003'


def handshake(
    *, secret: str = SECRET, names: tuple[str, ...] = NEEDED, tail: str = TAIL, changed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Signed headers, then changed."""
    values = {**HEADERS, "@request-target": "/v1/genesys/media", "@authority": "voice.example"}
    parameters = "(" + " ".join(f'"{name}"' for name in names) + ")" + tail
    signature = sign(secret, signature_base(names, values, parameters))
    signed = {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{signature}:"}
    return {**HEADERS, **signed, **(changed or {})}


def is_good(headers: Mapping[str, str], *, now_s: float = NOW_S, target: str = "/v1/genesys/media") -> bool:
    """The verdict with one client in force."""
    return is_signed(headers, clients=[CLIENT], target=target, authority="voice.example", now_s=now_s)


def test_a_signed_handshake_is_let_in() -> None:
    """Before it expires, with more components than are needed, and with two secrets while one is rotated."""
    assert is_good(handshake())
    assert is_good(handshake(names=(*NEEDED, "host")))
    clients = [Client("the-key", OTHER), CLIENT]
    target = "/v1/genesys/media"
    assert is_signed(handshake(), clients=clients, target=target, authority="voice.example", now_s=NOW_S)
    assert is_good(handshake(tail=TAIL.replace(";expires=1700000003", "")), now_s=NOW_S + 300)


GOOD = handshake()
FORGERIES: dict[str, dict[str, str]] = {
    "nothing": {},
    "the key alone": HEADERS,
    "no key": {name: value for name, value in GOOD.items() if name != "x-api-key"},
    "no signature": {name: value for name, value in GOOD.items() if name != "signature"},
    "no input": {name: value for name, value in GOOD.items() if name != "signature-input"},
    "another key": handshake(changed={"x-api-key": "other"}),
    "another session": handshake(changed={"audiohook-session-id": "x"}),
    "another organization": handshake(changed={"audiohook-organization-id": "x"}),
    "another secret": handshake(secret=OTHER),
    "another label": handshake(changed={"signature": GOOD["signature"].replace("sig1", "sig2")}),
    "an empty signature": handshake(changed={"signature": "sig1=::"}),
    "a cut signature": handshake(changed={"signature": GOOD["signature"][:-4] + ":"}),
    "half a character": handshake(changed={"signature": "\ud800"}),
    "nonsense": handshake(changed={"signature-input": "nonsense"}),
    "a huge input": handshake(changed={"signature-input": "sig1=(" + '"a" ' * 5000 + ")"}),
    "expired": handshake(
        tail=TAIL.replace("created=1700000000;expires=1700000003", "created=1699999000;expires=1699999003")
    ),
    "far ahead": handshake(tail=TAIL.replace("created=1700000000;expires=1700000003", "created=1700009000")),
    "expiring in a year": handshake(
        tail=TAIL.replace("created=1700000000;expires=1700000003", "created=1699000000;expires=1800000000")
    ),
    "without a time": handshake(tail=TAIL.partition(";created")[0]),
    "another algorithm": handshake(tail=TAIL.replace("hmac-sha256", "rsa-v1_5-sha256")),
    "another key id": handshake(tail=TAIL.replace('keyid="the-key"', 'keyid="other"')),
    **{f"without {name}": handshake(names=tuple(one for one in NEEDED if one != name)) for name in NEEDED},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    """Whatever is missing, changed, stale or of somebody else."""
    assert not is_good(FORGERIES[name])


def test_a_good_handshake_opens_no_other_door() -> None:
    """Path and host are signed too; and it is stale in time."""
    assert not is_good(GOOD, target="/v1/genesys/media?x=1")
    assert not is_good(GOOD, now_s=NOW_S + 60)
    elsewhere = is_signed(GOOD, clients=[CLIENT], target="/v1/genesys/media", authority="other.example", now_s=NOW_S)
    assert not elsewhere


@given(st.dictionaries(st.sampled_from([*GOOD, "host"]), st.text(max_size=200)))
def test_nothing_makes_the_check_raise(headers: dict[str, str]) -> None:
    """Any headers."""
    assert not is_good({**GOOD, "signature": "x", **headers})


def test_a_secret_that_is_none_is_said_at_the_start() -> None:
    """Not at the first call."""
    with pytest.raises(ValueError, match=r".+"):
        Genesys("https://voice.example", (Client("k", "not base64!"),))


def opened(channels: list[list[str]]) -> tuple[GenesysCodec, object]:
    """A codec after an `open` that offers these channels."""
    media = [{"type": "audio", "format": "PCMU", "channels": one, "rate": 8000} for one in channels]
    message = {
        "version": "2",
        "type": "open",
        "seq": 1,
        "serverseq": 0,
        "id": "s-1",
        "position": "PT0S",
        "parameters": {
            "organizationId": "o",
            "conversationId": "c",
            "participant": {"ani": "tel:+1-555-0142", "dnis": "sip:15550100@host"},
            "media": media,
        },
    }
    codec = GenesysCodec()
    return codec, codec.parse(json.dumps(message))


def test_the_callers_own_channel_is_chosen() -> None:
    """Alone where it is offered, else taken out of two; without it the stream is not spoken here."""
    codec, start = opened([["external", "internal"], ["external"]])
    assert isinstance(start, Start)
    assert start.rings is not None
    assert (start.rings.from_number, start.rings.to_number) == ("+15550142", "15550100")
    assert json.loads(codec.reply(start) or "")["parameters"]["media"][0]["channels"] == ["external"]
    _, start = opened([["internal"]])
    assert isinstance(start, Start)
    assert start.audio is None


def test_numbers_of_messages_go_up_and_answer_each_other() -> None:
    """Ours count from one; each names the last that we have seen."""
    codec, start = opened([["external"]])
    assert isinstance(start, Start)
    said = [codec.reply(start), codec.clear(), codec.goodbye(hand_off=True), codec.goodbye(hand_off=False)]
    messages = [json.loads(one or "") for one in said]
    assert [message["seq"] for message in messages] == [1, 2, 3, 4]
    assert {message["clientseq"] for message in messages} == {1}
    assert [one["parameters"]["outputVariables"]["attune_next"] for one in messages[2:]] == ["human", "end"]


def test_audio_before_the_opening_is_left_aside() -> None:
    """And so is a second opening."""
    assert GenesysCodec().parse(b"\xff" * 160) == Ignored(IgnoredReason.BEFORE_START)
    codec, _ = opened([["external"]])
    assert isinstance(codec.parse("{}"), Ignored)
