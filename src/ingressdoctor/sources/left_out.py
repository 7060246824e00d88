"""Sources that are left out on purpose: every question to them says so. Opens nothing."""

from __future__ import annotations

from typing import NoReturn

from ingressdoctor.errors import NotAskedError

__all__ = ["LeftOut", "refuse_left_out"]


class LeftOut:
    """Stands for any outside system, with the attributes of all of them; *option* is what left it out."""

    context = ""
    # Not empty: whoever finds none to ask would say that none is configured.
    resolvers: tuple[str, ...] = ("left out",)
    authoritative = ""
    anchors: tuple[str, ...] = ("left.out:1",)
    url = ""
    has_login = False

    def __init__(self, option: str) -> None:
        self._option = option

    def refuse(self) -> NoReturn:
        """Say so.

        Raises:
            NotAskedError: always.
        """
        raise NotAskedError(f"{self._option} leaves it out")

    async def _refuse(self, *_args: object, **_named: object) -> NoReturn:
        self.refuse()

    def fits(self, _hostname: str) -> bool:
        """No token is sent anywhere."""
        return False

    async def client_id(self) -> str:
        """No token is configured."""
        return ""

    get = query = tcp = tls = http = health = greet = greet_pod = login = read = _refuse


def refuse_left_out(source: object) -> None:
    """Refuse before questions are prepared that would be refused one by one.

    Raises:
        NotAskedError: *source* is left out.
    """
    if isinstance(source, LeftOut):
        source.refuse()
