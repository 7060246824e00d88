"""The exception tree. Everything a user can cause or meet derives from one base.

    IngressDoctorError            4  internal, unless a subclass says otherwise
    ├── UsageError                2  the command line or the target is wrong
    │   ├── ConfigError           2  ingressdoctor.toml is wrong
    │   └── HistoryError          2  what sweeps remember cannot be opened or read
    ├── PluginError               2  a package or folder of checks cannot be used
    ├── SourceError               -  an outside system could not be looked at; becomes Unavailable
    │   └── NotAskedError         -  it was left out on purpose; becomes Inapplicable
    └── LabError                  2  a lab world, fault or port is wrong

Exceptions are ordinary classes: frozen dataclass exceptions break ``with`` blocks and ``add_note``.
"""

from __future__ import annotations

__all__ = ["ConfigError", "IngressDoctorError", "LabError", "NotAskedError", "PluginError", "SourceError", "UsageError"]


class IngressDoctorError(Exception):
    """Base of every error that is shown to a user as one line and a hint."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(IngressDoctorError):
    """The command line names something that is not possible."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration file has an unknown key, a wrong value or cannot be read."""


class HistoryError(UsageError):
    """The database of sweeps cannot be opened, is somebody else's, or is from a newer version."""


class PluginError(IngressDoctorError):
    """A plugin package or a folder of check files is broken, or brought nothing."""

    exit_code = 2


class LabError(IngressDoctorError):
    """A lab world or fault does not exist, or its files are wrong."""

    exit_code = 2


class SourceError(IngressDoctorError):
    """An outside system could not be looked at: no credentials, refused, timed out, nonsense.

    Collectors let it rise: the broker turns it into ``Unavailable`` with *message* as the reason and
    *hint* as what would enable the look. *transient* tells that asking again may help; *unreached* that no connection
    came about at all, whatever was asked.
    """

    def __init__(self, message: str, *, hint: str = "", transient: bool = False, unreached: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.transient = transient
        self.unreached = unreached


class NotAskedError(SourceError):
    """An outside system was left out on purpose; what depends on it does not apply rather than being unknown."""
