"""The program's version, looked up only when it is needed: the lookup costs more than printing help."""

from __future__ import annotations

__all__ = ["version"]


def version() -> str:
    """Return the installed version; "unknown" when the package runs from a bare folder."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("ingressdoctor")
    except PackageNotFoundError:
        return "unknown"
