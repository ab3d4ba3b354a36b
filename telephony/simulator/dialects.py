"""How each carrier sounds from its own side: webhooks, first messages, audio. Pure but for random ids and the time.

Each dialect is one call of one carrier. `WireCall` places it.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlencode
from xml.etree import ElementTree

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telephony.audio import Upsampler, decode_ulaw, encode_ulaw, pcm_from_bytes
from telephony.genesys import signature as genesys_signature
from telephony.plivo import signature as plivo_signature
from telephony.simulator.wire import ClearAsked, MarkAsked, Nonsense, Play, StreamWriter, read
from telephony.twilio import signature as twilio_signature

Wire = str | bytes
Asked = Play | MarkAsked | ClearAsked | Nonsense


@dataclass(frozen=True, slots=True)
class Said:
    """The service says something of the protocol that is neither audio nor about audio; `kind` names it."""

    kind: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request of the carrier.

    Attributes:
        method: HTTP method.
        path: ours, with its query.
        headers: signature and kind of body.
        body: as it travels.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call streams to.

    Attributes:
        url: of the media socket.
        headers: of the handshake.
        parameters: what the answer document gave the stream to bring along.
        then: verbs or actions behind the stream.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    then: tuple[str, ...] = ()


class Dialect(Protocol):
    """One call as its carrier tells it."""

    @property
    def call_id(self) -> str:
        """The carrier's id of the call."""
        ...

    @property
    def stream_id(self) -> str:
        """The carrier's id of the stream; '' where it gives none."""
        ...

    @property
    def frames_per_message(self) -> int:
        """How many pieces of 20 ms travel together."""
        ...

    def ring(self) -> Webhook | None:
        """The webhook of a ringing call; None where the stream itself rings."""
        ...

    def status(self, word: str) -> Webhook | None:
        """A status callback; None where there are none."""
        ...

    def place(self, document: str) -> Place:
        """Where the answer document sends the stream."""
        ...

    def opening(self, place: Place) -> Sequence[Wire]:
        """The first messages."""
        ...

    def media(self, ulaw: bytes) -> Wire:
        """The caller's audio, mu-law at 8 kHz as the line has it."""
        ...

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        ...

    def mark(self, name: str) -> Wire | None:
        """A mark comes back."""
        ...

    def stop(self) -> Wire | None:
        """The last message; None where closing says it all."""
        ...

    def read(self, data: object) -> Asked | Said:
        """One message of the service."""
        ...


def _fields(data: object) -> dict[str, object]:
    try:
        message = json.loads(data) if isinstance(data, str) else None
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {}


def _part(message: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = message.get(name)
    return part if isinstance(part, dict) else {}


def _text(message: Mapping[str, object], name: str) -> str:
    return str(message.get(name, ""))


class TwilioDialect:
    """Twilio, as plain as the others; `CarrierCall` does it in full."""

    frames_per_message = 1

    def __init__(
        self, auth_token: str, public_origin: str, from_number: str = "+15550142", to_number: str = "+15550100"
    ) -> None:
        """A call between two numbers, signed with the account's token for the public origin."""
        self.call_id = "CA" + secrets.token_hex(16)
        self.stream_id = "MZ" + secrets.token_hex(16)
        self._writer = StreamWriter(self.stream_id, self.call_id, "AC" + "0" * 32)
        self._auth_token = auth_token
        self._origin = public_origin
        self._numbers = {"From": from_number, "To": to_number}

    def ring(self) -> Webhook:
        """The voice webhook."""
        return self._form("/v1/twilio/voice", {"CallStatus": "ringing"})

    def status(self, word: str, number: int = 3) -> Webhook:
        """A status callback, numbered."""
        return self._form("/v1/twilio/status", {"CallStatus": word, "SequenceNumber": str(number)})

    def _form(self, path: str, fields: Mapping[str, str]) -> Webhook:
        return self.signed(path, {"CallSid": self.call_id, "AccountSid": "AC" + "0" * 32, **self._numbers, **fields})

    def signed(self, path: str, form: Mapping[str, str]) -> Webhook:
        """Any form, signed."""
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            twilio_signature.HEADER: twilio_signature.sign(self._auth_token, self._origin + path, form.items()),
        }
        return Webhook("POST", path, headers, urlencode(form).encode())

    def place(self, document: str) -> Place:
        """`<Connect><Stream url>` with its parameters; the handshake is signed."""
        root = ElementTree.fromstring(document)
        stream = root.find("Connect/Stream")
        url = "" if stream is None else stream.get("url", "")
        brought = [] if stream is None else stream.findall("Parameter")
        headers = {twilio_signature.HEADER: twilio_signature.sign(self._auth_token, url)}
        then = tuple(verb.tag for verb in root if verb.tag != "Connect")
        return Place(url, headers, {one.get("name", ""): one.get("value", "") for one in brought}, then)

    def opening(self, place: Place) -> Sequence[Wire]:
        """connected, start."""
        return [self._writer.connected(), self._writer.start(place.parameters)]

    def media(self, ulaw: bytes) -> Wire:
        """20 ms."""
        return self._writer.media(ulaw)

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return self._writer.dtmf(digit)

    def mark(self, name: str) -> Wire:
        """A mark comes back."""
        return self._writer.mark(name)

    def stop(self) -> Wire:
        """The last message."""
        return self._writer.stop()

    def read(self, data: object) -> Asked | Said:
        """media, mark, clear."""
        return read(data)


class TelnyxDialect:
    """Telnyx: TeXML, Ed25519, media out of order now and then."""

    frames_per_message = 1

    def __init__(self, key: Ed25519PrivateKey, from_number: str = "+15550142", to_number: str = "+15550100") -> None:
        """A call between two numbers, signed with the carrier's key."""
        self.call_id = f"v3:{secrets.token_urlsafe(30)}"
        self.stream_id = str(uuid.uuid4())
        self._key = key
        self._numbers = {"From": from_number, "To": to_number}
        self._sequence = 0
        self._chunk = 0

    @staticmethod
    def public_key(key: Ed25519PrivateKey) -> str:
        """The public half as the portal shows it."""
        return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def ring(self) -> Webhook:
        """TeXML's form."""
        return self._signed("/v1/telnyx/voice", {"CallStatus": "ringing", "Direction": "inbound"})

    def status(self, word: str) -> Webhook:
        """TeXML's status callback."""
        return self._signed("/v1/telnyx/status", {"CallStatus": word})

    def _signed(self, path: str, fields: Mapping[str, str]) -> Webhook:
        body = urlencode({"CallSid": self.call_id, "AccountSid": "a", **self._numbers, **fields}).encode()
        return self.signed(path, body)

    def signed(self, path: str, body: bytes) -> Webhook:
        """Any body, signed."""
        now = str(int(time.time()))
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "telnyx-timestamp": now,
            "telnyx-signature-ed25519": base64.b64encode(self._key.sign(f"{now}|".encode() + body)).decode(),
        }
        return Webhook("POST", path, headers, body)

    def place(self, document: str) -> Place:
        """`<Connect><Stream url>`."""
        root = ElementTree.fromstring(document)
        stream = root.find("Connect/Stream")
        url = "" if stream is None else stream.get("url", "")
        return Place(url, then=tuple(verb.tag for verb in root if verb.tag != "Connect"))

    def opening(self, place: Place) -> Sequence[Wire]:
        """connected, start."""
        start = {
            "user_id": "u",
            "call_control_id": self.call_id,
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        }
        return ['{"event":"connected","version":"1.0.0"}', self._message("start", "start", start)]

    def media(self, ulaw: bytes) -> Wire:
        """20 ms with its place in the stream."""
        self._chunk += 1
        body = {"track": "inbound", "chunk": str(self._chunk), "payload": base64.b64encode(ulaw).decode()}
        return self._message("media", "media", body)

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return self._message("dtmf", "dtmf", {"digit": digit})

    def mark(self, name: str) -> Wire:
        """A mark comes back."""
        return self._message("mark", "mark", {"name": name})

    def stop(self) -> Wire:
        """The last message."""
        return self._message("stop", "stop", {"user_id": "u", "call_control_id": self.call_id})

    def _message(self, event: str, key: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        message = {"event": event, "sequence_number": str(self._sequence), "stream_id": self.stream_id, key: body}
        return json.dumps(message)

    def read(self, data: object) -> Asked | Said:
        """media, mark, clear."""
        message = _fields(data)
        match message.get("event"):
            case "media":
                return Play(base64.b64decode(_text(_part(message, "media"), "payload")))
            case "mark":
                return MarkAsked(_text(_part(message, "mark"), "name"))
            case "clear":
                return ClearAsked()
            case _:
                return Nonsense(str(data)[:200])


class PlivoDialect:
    """Plivo: XML, signature version 3."""

    frames_per_message = 1

    def __init__(
        self, auth_token: str, public_origin: str, from_number: str = "15550142", to_number: str = "15550100"
    ) -> None:
        """A call between two numbers, signed with the account's token for the public origin."""
        self.call_id = str(uuid.uuid4())
        self.stream_id = str(uuid.uuid4())
        self._auth_token = auth_token
        self._origin = public_origin
        self._numbers = {"From": from_number, "To": to_number}
        self._sequence = -1

    def ring(self) -> Webhook:
        """The answer URL."""
        return self._form("/v1/plivo/voice", {"CallStatus": "ringing", "Event": "StartApp", "Direction": "inbound"})

    def status(self, word: str) -> Webhook:
        """The hang-up URL."""
        return self._form("/v1/plivo/status", {"CallStatus": word, "Event": "Hangup"})

    def _form(self, path: str, fields: Mapping[str, str]) -> Webhook:
        return self.signed(path, {"CallUUID": self.call_id, **self._numbers, **fields})

    def signed(self, path: str, form: Mapping[str, str]) -> Webhook:
        """Any form, signed."""
        nonce = secrets.token_hex(10)
        signed = plivo_signature.sign(self._auth_token, self._origin + path, nonce, form=form.items())
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-plivo-signature-v3": signed,
            "x-plivo-signature-v3-nonce": nonce,
        }
        return Webhook("POST", path, headers, urlencode(form).encode())

    def place(self, document: str) -> Place:
        """`<Stream>` with the address as its text."""
        root = ElementTree.fromstring(document)
        stream = root.find("Stream")
        url = "" if stream is None else (stream.text or "")
        return Place(url, then=tuple(verb.tag for verb in root if verb.tag != "Stream"))

    def opening(self, place: Place) -> Sequence[Wire]:
        """Start."""
        start = {
            "callId": self.call_id,
            "streamId": self.stream_id,
            "accountId": "MA",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }
        return [self._message({"event": "start", "start": start})]

    def media(self, ulaw: bytes) -> Wire:
        """20 ms."""
        body = {"track": "inbound", "chunk": self._sequence + 1, "payload": base64.b64encode(ulaw).decode()}
        return self._message({"event": "media", "media": body})

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return self._message({"event": "dtmf", "dtmf": {"track": "inbound", "digit": digit}})

    def mark(self, name: str) -> Wire:
        """A checkpoint was reached."""
        return self._message({"event": "playedStream", "name": name})

    def stop(self) -> Wire:
        """The last message."""
        return self._message({"event": "stop", "stop": {"callId": self.call_id}})

    def _message(self, message: Mapping[str, object]) -> str:
        self._sequence += 1
        return json.dumps({"sequenceNumber": self._sequence, "streamId": self.stream_id, **message})

    def read(self, data: object) -> Asked | Said:
        """playAudio, checkpoint, clearAudio."""
        message = _fields(data)
        match message.get("event"):
            case "playAudio":
                return Play(base64.b64decode(_text(_part(message, "media"), "payload")))
            case "checkpoint":
                return MarkAsked(_text(message, "name"))
            case "clearAudio":
                return ClearAsked()
            case _:
                return Nonsense(str(data)[:200])


class VonageDialect:
    """Vonage: NCCO, signed JWT, binary L16 at 16 kHz."""

    frames_per_message = 1

    def __init__(
        self, application_id: str, secret: str, from_number: str = "15550142", to_number: str = "15550100"
    ) -> None:
        """A call between two numbers, signed with the account's secret for the application."""
        self.call_id = str(uuid.uuid4())
        self.stream_id = ""
        self._application_id = application_id
        self._secret = secret
        self._numbers = {"from": from_number, "to": to_number}
        self._upsampler = Upsampler()

    def ring(self) -> Webhook:
        """The answer URL."""
        return self._json("/v1/vonage/voice", {"conversation_uuid": f"CON-{self.call_id}", **self._numbers})

    def status(self, word: str) -> Webhook:
        """The event URL."""
        return self._json("/v1/vonage/status", {"status": word, "timestamp": str(time.time()), **self._numbers})

    def _json(self, path: str, fields: Mapping[str, object]) -> Webhook:
        return self.signed(path, json.dumps({"uuid": self.call_id, **fields}).encode())

    def signed(self, path: str, body: bytes) -> Webhook:
        """Any body, signed."""
        claims = {
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "iss": "Vonage",
            "application_id": self._application_id,
            "payload_hash": sha256(body).hexdigest(),
        }
        token = jwt.encode(claims, self._secret, algorithm="HS256")
        return Webhook("POST", path, {"content-type": "application/json", "authorization": f"Bearer {token}"}, body)

    def place(self, document: str) -> Place:
        """The `connect` action to a websocket."""
        actions = json.loads(document)
        endpoint = actions[0].get("endpoint", [{}])[0] if actions else {}
        then = tuple(action["action"] for action in actions[1:])
        return Place(endpoint.get("uri", ""), parameters=endpoint.get("headers", {}), then=then)

    def opening(self, place: Place) -> Sequence[Wire]:
        """websocket:connected with the headers of the document."""
        return [
            json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=16000", **place.parameters})
        ]

    def media(self, ulaw: bytes) -> Wire:
        """20 ms."""
        return self._upsampler.upsample(decode_ulaw(ulaw)).astype("<i2").tobytes()

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def mark(self, name: str) -> Wire:
        """A notification comes back."""
        return json.dumps({"event": "websocket:notify", "payload": {"mark": name}})

    def stop(self) -> None:
        """Closing says it all."""
        return None

    def read(self, data: object) -> Asked | Said:
        """Audio, notify, clear."""
        if isinstance(data, bytes):
            return Play(encode_ulaw(pcm_from_bytes(data)[::2].copy()))
        message = _fields(data)
        match message.get("action"):
            case "notify":
                return MarkAsked(_text(_part(message, "payload"), "mark"))
            case "clear":
                return ClearAsked()
            case _:
                return Nonsense(str(data)[:200])


class ExotelDialect:
    """Exotel: a flow's applets, name and password, L16 at 8 kHz, 100 ms in a message."""

    frames_per_message = 5

    def __init__(self, user: str, password: str, from_number: str = "+15550142", to_number: str = "+15550100") -> None:
        """A call between two numbers."""
        self.call_id = secrets.token_hex(16)
        self.stream_id = secrets.token_hex(16)
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._numbers = {"CallFrom": from_number, "CallTo": to_number}
        self._sequence = 0

    def ring(self) -> Webhook:
        """The Voicebot applet asks for the socket."""
        return self._query("/v1/exotel/voice", {"Direction": "incoming", **self._numbers})

    def status(self, word: str) -> Webhook:
        """A status callback."""
        return self._query("/v1/exotel/status", {"Status": word})

    def passthru(self) -> Webhook:
        """The Passthru applet asks what comes next."""
        return self._query("/v1/exotel/stream-ended", {})

    def _query(self, path: str, fields: Mapping[str, str]) -> Webhook:
        query = urlencode({"CallSid": self.call_id, **fields})
        return Webhook("GET", f"{path}?{query}", {"authorization": self._login})

    def place(self, document: str) -> Place:
        """The address in the answer."""
        return Place(_text(_fields(document), "url"), then=("flow",))

    def opening(self, place: Place) -> Sequence[Wire]:
        """connected, start."""
        start = {
            "stream_sid": self.stream_id,
            "call_sid": self.call_id,
            "account_sid": "a",
            "from": self._numbers["CallFrom"],
            "to": self._numbers["CallTo"],
            "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
        }
        return ['{"event":"connected"}', self._message("start", "start", start)]

    def media(self, ulaw: bytes) -> Wire:
        """100 ms."""
        payload = base64.b64encode(decode_ulaw(ulaw).astype("<i2").tobytes()).decode()
        return self._message("media", "media", {"chunk": self._sequence, "timestamp": "10", "payload": payload})

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return self._message("dtmf", "dtmf", {"duration": "100", "digit": digit})

    def mark(self, name: str) -> Wire:
        """A mark comes back."""
        return self._message("mark", "mark", {"name": name})

    def stop(self) -> Wire:
        """The last message."""
        return self._message("stop", "stop", {"call_sid": self.call_id, "account_sid": "a", "reason": "callended"})

    def _message(self, event: str, key: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        message = {"event": event, "sequence_number": self._sequence, "stream_sid": self.stream_id, key: body}
        return json.dumps(message)

    def read(self, data: object) -> Asked | Said:
        """media, mark, clear."""
        message = _fields(data)
        match message.get("event"):
            case "media":
                pcm = pcm_from_bytes(base64.b64decode(_text(_part(message, "media"), "payload")))
                return Play(encode_ulaw(pcm.copy()))
            case "mark":
                return MarkAsked(_text(_part(message, "mark"), "name"))
            case "clear":
                return ClearAsked()
            case _:
                return Nonsense(str(data)[:200])


class GenesysDialect:
    """Genesys AudioHook: no webhook, a signed handshake, binary mu-law, a conversation about opening and closing."""

    frames_per_message = 5

    def __init__(
        self,
        api_key: str,
        secret: str,
        public_origin: str,
        from_number: str = "tel:+15550142",
        to_number: str = "tel:+15550100",
    ) -> None:
        """A conversation between two numbers; the handshake is signed for the public origin."""
        self.call_id = str(uuid.uuid4())
        self.stream_id = str(uuid.uuid4())
        self._api_key = api_key
        self._secret = secret
        self._origin = public_origin
        self._numbers = {"ani": from_number, "dnis": to_number}
        self._seq = 0
        self._server_seq = 0

    def ring(self) -> None:
        """The stream rings."""
        return None

    def status(self, word: str) -> None:
        """There is none."""
        return None

    def place(self, document: str) -> Place:
        """The integration's address."""
        path = "/v1/genesys/media"
        url = self._origin.replace("http", "ws", 1) + path
        return Place(url, self.handshake(path), then=("flow",))

    def handshake(self, path: str) -> Mapping[str, str]:
        """The headers, signed."""
        now = int(time.time())
        headers = {
            "audiohook-organization-id": str(uuid.uuid4()),
            "audiohook-session-id": self.stream_id,
            "audiohook-correlation-id": str(uuid.uuid4()),
            "x-api-key": self._api_key,
        }
        names = genesys_signature.NEEDED
        values = {**headers, "@request-target": path, "@authority": self._origin.partition("://")[2].lower()}
        covered = " ".join(f'"{name}"' for name in names)
        parameters = (
            f'({covered});keyid="{self._api_key}";nonce="{secrets.token_urlsafe(16)}";alg="hmac-sha256"'
            f";created={now};expires={now + 10}"
        )
        signed = genesys_signature.sign(self._secret, genesys_signature.signature_base(names, values, parameters))
        return {**headers, "signature-input": f"sig1={parameters}", "signature": f"sig1=:{signed}:"}

    def opening(self, place: Place) -> Sequence[Wire]:
        """Open."""
        offered = [
            {"type": "audio", "format": "PCMU", "channels": channels, "rate": 8000}
            for channels in (["external", "internal"], ["external"], ["internal"])
        ]
        said = {
            "organizationId": str(uuid.uuid4()),
            "conversationId": self.call_id,
            "participant": {"id": str(uuid.uuid4()), "aniName": "", **self._numbers},
            "media": offered,
            "language": "en-US",
        }
        return [self._message("open", said)]

    def media(self, ulaw: bytes) -> Wire:
        """100 ms."""
        return ulaw

    def dtmf(self, digit: str) -> Wire:
        """A key."""
        return self._message("dtmf", {"digit": digit})

    def mark(self, name: str) -> None:
        """There are none."""
        return None

    def stop(self) -> Wire:
        """close; the service answers."""
        return self._message("close", {"reason": "end"})

    def ping(self) -> Wire:
        """Are you there?"""
        return self._message("ping", {"rtt": "PT0.012S"})

    def _message(self, kind: str, parameters: Mapping[str, object]) -> str:
        self._seq += 1
        return json.dumps(
            {
                "version": "2",
                "type": kind,
                "seq": self._seq,
                "serverseq": self._server_seq,
                "id": self.stream_id,
                "position": "PT0S",
                "parameters": parameters,
            }
        )

    def read(self, data: object) -> Asked | Said:
        """Audio, barge-in, and the protocol's own words."""
        if isinstance(data, bytes):
            return Play(data)
        message = _fields(data)
        seq, kind = message.get("seq"), message.get("type")
        if seq != self._server_seq + 1 or message.get("id") != self.stream_id or not isinstance(kind, str):
            return Nonsense(str(data)[:200])
        self._server_seq += 1
        if kind == "event" and "barge_in" in json.dumps(_part(message, "parameters")):
            return ClearAsked()
        if kind == "disconnect":
            following = _part(_part(message, "parameters"), "outputVariables")
            return Said(f"disconnect {_text(following, 'attune_next')}")
        return Said(kind)
