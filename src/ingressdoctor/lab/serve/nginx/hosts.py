"""Which server takes a Host: its very name or alias, then the wildcards in the order of their names, then `_`.

Source: kubernetes/ingress-nginx template.go (buildServerName): a wildcard host is a regular expression for one label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingressdoctor.lab.serve.nginx.model import CATCH_ALL, Server


class Hosts:
    """The servers of one configuration, by name."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        aliases = {alias: server for server in servers.values() for alias in server.aliases}
        self._names = {**aliases, **servers}
        self._catch_all = servers[CATCH_ALL]
        self._wildcards = tuple(
            (re.compile(rf"[\w-]+\.{re.escape(name[2:])}", re.ASCII), server)
            for name, server in sorted(self._names.items())
            if name.startswith("*.")
        )

    def server(self, host: str) -> Server:
        """The server of a name in lower case, without a port."""
        exact = self._names.get(host)
        if exact is not None and host != CATCH_ALL and not host.startswith("*"):
            return exact
        found = (server for pattern, server in self._wildcards if pattern.fullmatch(host))
        return next(found, self._catch_all)
