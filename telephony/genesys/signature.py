"""Whether the handshake of a media socket comes from Genesys: API key and HTTP message signature. Pure.

Scheme: https://developer.genesys.cloud/devapps/audiohook/security. HMAC-SHA256 over components of the request, as RFC
9421 (HTTP Message Signatures) lays them out; the key is the client secret, base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KEY_HEADER = "x-api-key"
WINDOW_S = 300
"""How long a signature without an end is good, and how far its beginning may lie ahead."""

NEEDED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
"""Components that a signature has to cover."""

_INPUT = re.compile(
    r"([a-z][a-z0-9_-]{0,30})="
    r'(\(((?:"[a-z0-9@-]{1,64}" ?){1,16})\)'
    r'((?:;[a-z]{1,16}=(?:"[^"\\]{0,256}"|[0-9]{1,12})){0,8}))'
)
"""label=(components);parameters, as in RFC 9421, section 4.1."""
_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"\\]*)"|([0-9]+))')


@dataclass(frozen=True, slots=True)
class Client:
    """What we agreed on with the client.

    Attributes:
        api_key: sent along as it is.
        secret: the shared secret, base64.
    """

    api_key: str
    secret: str


def signature_base(components: Sequence[str], values: Mapping[str, str], parameters: str) -> str:
    """The text that is signed (RFC 9421, section 2.5).

    Args:
        components: names, in order.
        values: their values.
        parameters: the `@signature-params` as they were sent.
    """
    lines = [f'"{name}": {values.get(name, "")}' for name in components]
    return "\n".join([*lines, f'"@signature-params": {parameters}'])


def sign(secret: str, text: str) -> str:
    """The signature of a text, base64.

    Raises:
        ValueError: the secret is not base64.
    """
    key = base64.b64decode(secret, validate=True)
    return base64.b64encode(hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()).decode()


def is_signed(
    headers: Mapping[str, str], *, clients: Sequence[Client], target: str, authority: str, now_s: float
) -> bool:
    """Whether a handshake carries a known key and a good, fresh signature. Nothing makes it raise.

    Args:
        headers: names in lower case.
        clients: in force; two while one is being rotated.
        target: path and query.
        authority: the host that the client was told to connect to, in lower case.
        now_s: wall clock.
    """
    given = headers.get(KEY_HEADER, "").encode("utf-8", "surrogatepass")
    known = [one for one in clients if hmac.compare_digest(one.api_key.encode(), given)]
    match = _INPUT.fullmatch(headers.get("signature-input", "")[:2048].strip())
    if match is None or not known:
        return False
    label, parameters, covered, tail = match.group(1), match.group(2), match.group(3), match.group(4)
    components = covered.replace('"', "").split()
    told = {found[0]: found[1] or found[2] for found in _PARAMETER.findall(tail)}
    if not set(NEEDED) <= set(components) or not _is_fresh(told, now_s):
        return False
    if told.get("alg", "hmac-sha256") != "hmac-sha256" or told.get("keyid", "") != headers.get(KEY_HEADER):
        return False
    values = {**headers, "@request-target": target, "@authority": authority}
    text = signature_base(components, values, parameters)
    sent = headers.get("signature", "").strip().encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(f"{label}=:{sign(one.secret, text)}:".encode(), sent) for one in known)


def _is_fresh(told: Mapping[str, str], now_s: float) -> bool:
    created, expires = told.get("created", ""), told.get("expires", "")
    if not created.isdigit() or int(created) > now_s + WINDOW_S:
        return False
    ends_s = int(expires) if expires.isdigit() else int(created) + WINDOW_S
    return now_s <= min(ends_s + 10, int(created) + WINDOW_S)
