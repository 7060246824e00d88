"""What the operator configured that collectors and checks may take into account."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

__all__ = ["Preferences"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """Given to every run. ``load_balancer`` names the one in front of the controller, empty to find it by evidence.

    ``cloudflared_config`` is a file that holds the tunnel's rules, for a cloudflared outside of the cluster.

    ``management`` are patterns of hostnames that must ask for a login; ``public`` of those that need not.
    """

    load_balancer: str = ""
    kube_context: str = ""
    cloudflared_config: str = ""
    management: tuple[str, ...] = ()
    public: tuple[str, ...] = ()

    def wants_login(self, hostname: str) -> bool | None:
        """Tell whether the configuration wants a login before a name; None when it says nothing about it."""
        if any(fnmatchcase(hostname, pattern) for pattern in self.public):
            return False
        return True if any(fnmatchcase(hostname, pattern) for pattern in self.management) else None
