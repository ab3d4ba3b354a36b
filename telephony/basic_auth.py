"""HTTP Basic credentials, for those who prove themselves with nothing better. Pure; nothing makes it raise."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable


def is_known(authorization: str | None, logins: Iterable[tuple[str, str]]) -> bool:
    """Whether a header carries one of the names with its password.

    Args:
        authorization: the header; None where it is missing.
        logins: names and passwords in force.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(credentials, validate=True)
    except ValueError:
        return False
    good = [f"{name}:{password}".encode("utf-8", "surrogatepass") for name, password in logins]
    return any(hmac.compare_digest(given, one) for one in good)
