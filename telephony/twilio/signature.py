"""Whether a request really comes from Twilio: `X-Twilio-Signature`. Pure; nothing a stranger sends can make it raise.

The signed URL is built from the configured public origin, never from `Host` or `X-Forwarded-*` (OWASP ASVS 4.1.3).
Scheme: https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

from telephony.public_urls import socket_url

HEADER = "X-Twilio-Signature"

_DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def sign(auth_token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """The signature of a request: base64(HMAC-SHA1(token, url + names and values sorted, duplicates once))."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(_bytes(auth_token), _bytes(text), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed_form(
    signature: str | None, *, auth_tokens: Sequence[str], url: str, form: Iterable[tuple[str, str]]
) -> bool:
    """Whether a form-encoded webhook carries a good signature.

    Args:
        signature: the header, None where it is missing.
        auth_tokens: tokens in force; two while one is being rotated.
        url: the full public URL with its query.
        form: every field, duplicates included.
    """
    if not signature:
        return False
    fields = list(form)
    expected = [sign(token, variant, fields) for variant in _with_and_without_port(url) for token in auth_tokens]
    given = _bytes(signature)
    return any(hmac.compare_digest(given, _bytes(one)) for one in expected)


def is_signed_body(signature: str | None, *, auth_tokens: Sequence[str], url: str, body: bytes) -> bool:
    """Whether a webhook with any other body carries a good signature and a matching `bodySHA256` in its URL."""
    hashes = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    if len(hashes) != 1 or not hmac.compare_digest(_bytes(hashes[0]), hashlib.sha256(body).hexdigest().encode()):
        return False
    return is_signed_form(signature, auth_tokens=auth_tokens, url=url, form=())


def is_signed_handshake(signature: str | None, *, auth_tokens: Sequence[str], public_origin: str, path: str) -> bool:
    """Whether the handshake of a media socket carries a good signature: of the socket's own URL, without parameters.

    Some of Twilio's senders sign the URL with a slash at its end.
    """
    url = socket_url(public_origin, path)
    return any(is_signed_form(signature, auth_tokens=auth_tokens, url=variant, form=()) for variant in (url, url + "/"))


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """The URL as given, and with the default port added or any port dropped: Twilio's own senders differ in this."""
    parts = urlsplit(url)
    host = parts.netloc
    bare, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return url, urlunsplit(parts._replace(netloc=bare))
    default = _DEFAULT_PORTS.get(parts.scheme)
    return (url, urlunsplit(parts._replace(netloc=f"{host}:{default}"))) if default and host else (url,)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
