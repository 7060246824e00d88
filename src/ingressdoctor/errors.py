"""The exception tree: what the program raises on purpose, each with its exit code.

Nothing here prints, logs or exits; the command line turns an error into text and an exit code.
"""


class IngressDoctorError(Exception):
    """Base of every error raised on purpose; *hint* says what to do about it."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LabError(IngressDoctorError):
    """A world, a fault or one of the lab's servers cannot be used as asked."""

    exit_code = 2
