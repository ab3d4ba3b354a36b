"""Credentials that run out."""

from __future__ import annotations

import base64
import hashlib
import hmac

from telephony.webrtc.turn import IceAccess, IceServers

URLS = ("stun:turn.example.com:3478", "turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349")


def test_each_caller_gets_a_credential_of_its_own() -> None:
    """The name says until when it holds; the password is its HMAC; STUN needs neither."""
    stun, turn, turns = IceServers(URLS, secret="north", ttl_s=600).access_for("call-1", 1_700_000_000.9)
    assert stun == IceAccess(URLS[0])
    assert turn.username == turns.username == "1700000600:call-1"
    expected = base64.b64encode(hmac.new(b"north", b"1700000600:call-1", hashlib.sha1).digest()).decode()
    assert turn.credential == turns.credential == expected
    assert turn.as_browser() == {"urls": URLS[1], "username": turn.username, "credential": expected}
    assert stun.as_browser() == {"urls": URLS[0]}


def test_a_known_answer() -> None:
    """The value that `printf 1700000600:call-1 | openssl dgst -sha1 -hmac north -binary | base64` gives."""
    [turn] = IceServers(URLS[1:2], secret="north", ttl_s=600).access_for("call-1", 1_700_000_000)
    assert turn.credential == "fLrPAQb9t9tER3K18sFFJMWr18U="


def test_fixed_names_are_given_out_as_they_are() -> None:
    """For servers that share no secret."""
    servers = IceServers(URLS[:2], username="u", credential="p")
    assert servers.access_for("x", 0) == (IceAccess(URLS[0]), IceAccess(URLS[1], "u", "p"))
