"""Whether a webhook really comes from Plivo: `X-Plivo-Signature-V3`. Pure; nothing makes it raise.

Scheme: https://www.plivo.com/docs/voice/concepts/signature-validation. HMAC-SHA256 with the auth token over the URL
(its query sorted), the sorted form, and the nonce.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

SIGNATURE_HEADER = "x-plivo-signature-v3"
NONCE_HEADER = "x-plivo-signature-v3-nonce"

Pairs = Iterable[tuple[str, str]]


def signed_text(url: str, query: Pairs, form: Pairs) -> str:
    """What the signature of a request stands for, the nonce apart.

    Args:
        url: without its query.
        query: its fields.
        form: the fields of a form body; none for a GET.
    """
    asked = "&".join(f"{name}={value}" for name, value in sorted(query))
    sent = "".join(name + value for name, value in sorted(form))
    text = f"{url}?{asked}" if asked or sent else url
    return f"{text}.{sent}" if asked and sent else text + sent


def sign(auth_token: str, url: str, nonce: str, *, query: Pairs = (), form: Pairs = ()) -> str:
    """The signature of a request."""
    text = f"{signed_text(url, query, form)}.{nonce}"
    digest = hmac.new(_bytes(auth_token), _bytes(text), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_signed(
    signatures: str | None, nonce: str | None, *, auth_tokens: Sequence[str], url: str, query: Pairs, form: Pairs
) -> bool:
    """Whether a webhook carries a good signature; the header may hold several, by commas.

    Args:
        signatures: the header; None where it is missing.
        nonce: the header; None where it is missing.
        auth_tokens: tokens in force; two while one is being rotated.
        url: the public URL without its query.
        query: its fields, duplicates included.
        form: the fields of a form body, duplicates included.
    """
    if not signatures or not nonce:
        return False
    asked, sent = list(query), list(form)
    given = [_bytes(one.strip()) for one in signatures.split(",")[:8]]
    expected = [_bytes(sign(token, url, nonce, query=asked, form=sent)) for token in auth_tokens]
    return any(hmac.compare_digest(one, good) for one in given for good in expected)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
