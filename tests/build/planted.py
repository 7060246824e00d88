"""Passwords that must come out nowhere, and the look for them: every one that a SQL test makes up begins with MARK."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

MARK = "planted-pa55"
SQL_TESTS = ("sql", "maxscale", "mariadb")


def password(name: str) -> str:
    """Return a password that is known again by its beginning."""
    return f"{MARK}-{name}"


def shapes(secret: str) -> tuple[str, ...]:
    """Return a secret as it may be carried: plain, as bytes are shown, in Base64, and as MariaDB stores it."""
    stored = hashlib.sha1(hashlib.sha1(secret.encode()).digest()).hexdigest()
    return (
        secret,
        secret.encode().hex(),
        base64.b64encode(secret.encode()).decode().rstrip("=")[:-1],
        stored,
        stored.upper(),
        secret.replace("-", "%2D"),
    )


def is_about_sql(nodeid: str) -> bool:
    """Tell whether a test is one of those whose output must hold no password."""
    return any(word in nodeid.lower() for word in SQL_TESTS)


def leaks(sections: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names of captured sections (standard output and error, log) that hold a planted password."""
    marks = (MARK, MARK.encode().hex(), base64.b64encode(MARK.encode()).decode().rstrip("=")[:-1])
    return tuple(name for name, text in sections if any(mark in text for mark in marks))
