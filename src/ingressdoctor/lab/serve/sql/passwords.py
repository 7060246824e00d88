"""mysql_native_password: what is stored, what answers a challenge, and what MaxScale learns from a right answer."""

from __future__ import annotations

import hashlib
import secrets

_LETTERS = bytes(range(0x21, 0x7F))


def scramble() -> bytes:
    """Twenty printable characters for one handshake."""
    return bytes(secrets.choice(_LETTERS) for _ in range(20))


def sha1(data: bytes) -> bytes:
    """The digest that mysql_native_password is made of."""
    return hashlib.sha1(data, usedforsecurity=False).digest()


def stored(password: str) -> str:
    """A password as mysql.user holds it: * and the hash of its hash; "" for none."""
    return "*" + sha1(sha1(password.encode())).hex().upper() if password else ""


def token(hashed: bytes, challenge: bytes) -> bytes:
    """The answer to a challenge by whoever knows the password's hash (SHA1 of it, not what is stored)."""
    return _xor(hashed, sha1(challenge + sha1(hashed)))


def recovered(answer: bytes, challenge: bytes, hash_of_hash: str) -> bytes | None:
    """The password's hash out of a right answer, which is how MaxScale logs in onwards; None for a wrong one."""
    try:
        wanted = bytes.fromhex(hash_of_hash.removeprefix("*"))
    except ValueError:
        return None
    if len(answer) != 20 or len(wanted) != 20:
        return None
    hashed = _xor(answer, sha1(challenge + wanted))
    return hashed if secrets.compare_digest(sha1(hashed), wanted) else None


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
