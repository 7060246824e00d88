"""``ingressdoctor explain``: what lines of logs mean, from files, standard input or the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, BinaryIO, Final

import typer

from ingressdoctor.cli.options import AsJson
from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean

__all__ = ["Program", "add_to"]

_CHUNK: Final = 64 * 1024
_STDIN: Final = "-"


class Program(StrEnum):
    """Whose log it is."""

    TRAEFIK = "traefik"
    CLOUDFLARED = "cloudflared"
    CLOUDFLARE = "cloudflare"
    INGRESS_NGINX = "ingress-nginx"
    CERT_MANAGER = "cert-manager"
    HETZNER = "hetzner"
    MAXSCALE = "maxscale"
    MARIADB = "mariadb"
    KUBERNETES = "kubernetes"
    K3S = "k3s"
    DNS = "dns"
    TLS = "tls"
    ARGOCD = "argocd"
    HAPROXY = "haproxy"


Files = Annotated[list[str] | None, typer.Argument(metavar="[FILE|-]...", help="Logs; - is standard input.")]
Lines = Annotated[list[str] | None, typer.Option("--line", metavar="TEXT", help="A line itself; repeatable.")]
Whose = Annotated[
    Program | None,
    typer.Option("--program", help="Whose log it is: then its lines count that others might write, too."),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain)


def explain(files: Files = None, line: Lines = None, program: Whose = None, as_json: AsJson = False) -> None:
    """Say what known lines of logs mean: component, cause, remedy and the checks that look for it."""
    import sys

    from ingressdoctor.cli.interrupts import interrupts_raise
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.knowledge.tally import Tally, split_lines
    from ingressdoctor.render.explain_v1 import explain_to_json, explanation

    tally = Tally(program=program or "")
    interrupted = False
    for text in line or ():
        for one in text.splitlines():
            tally.take(one)
    try:
        with interrupts_raise():  # standard input may never end
            for one in split_lines(_chunks(_chosen(files, line))):
                tally.take(one)
    except KeyboardInterrupt:
        interrupted = True
    code = _exit_code(tally.lines, tally.unknown, [item.signature.harmless for item in tally.known()])
    view = explanation(tally, exit_code=code, interrupted=interrupted)
    if as_json:
        write(explain_to_json(view))
    else:
        from ingressdoctor.render.explain import explain_to_terminal

        write(explain_to_terminal(view, page_for(sys.stdout)))
    raise typer.Exit(code)


def _exit_code(lines: int, unknown: int, harmless: Sequence[bool]) -> int:
    """1: a line means a fault; 3: nothing can be told from them; else 0."""
    if not all(harmless):
        return 1
    nothing = not lines or (lines == 1 and not harmless)
    return 3 if unknown or nothing else 0


def _chosen(files: Sequence[str] | None, lines: Sequence[str] | None) -> Sequence[str]:
    import sys

    if files:
        return files
    if lines:
        return ()
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "There is nothing to explain.",
            hint="Name a file, pipe a log (kubectl logs ... | ingressdoctor explain), or use --line.",
        )
    return (_STDIN,)


def _chunks(names: Sequence[str]) -> Iterator[bytes]:
    """Yield what the files hold, piece by piece, each ending in a line's end.

    Raises:
        UsageError: a file cannot be read.
    """
    import sys
    from pathlib import Path

    for name in names:
        try:
            if name == _STDIN:
                if sys.stdin is not None:
                    yield from _pieces(sys.stdin.buffer)
            else:
                with Path(name).open("rb", buffering=0) as stream:
                    yield from _pieces(stream)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"Cannot read {clean(name, 200)}: {reason}.") from None


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    read = getattr(stream, "read1", stream.read)
    piece = b""
    while more := read(_CHUNK):
        piece = more
        yield piece
    if piece and not piece.endswith(b"\n"):
        yield b"\n"  # a file that ends within a line does not run into the next one
