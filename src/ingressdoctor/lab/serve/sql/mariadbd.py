"""A real MariaDB: one process with a data directory of its own, spoken to over a Unix socket.

The empty data directory is made once for this user and version and copied (a second against a fiftieth). The process
listens on nothing but its socket, so no port can be taken; who connects from where in the simulated network is told to
it by a PROXY header. It is killed by its id and its directory deleted: nothing of it is ever wanted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ingressdoctor.errors import LabError
from ingressdoctor.lab.serve.proxyprotocol import encode_v1
from ingressdoctor.lab.stream import Address, Stream

START_S = 20.0
INSTALL_S = 120.0
_PAUSE_S = 0.01
_SMALL = (
    "--skip-networking",
    "--skip-innodb",
    "--default-storage-engine=Aria",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--skip-ssl",
    "--performance-schema=OFF",
    "--aria-pagecache-buffer-size=8M",
    "--key-buffer-size=1M",
    "--proxy-protocol-networks=localhost",
)


def program(name: str) -> str:
    """Path of an installed program of MariaDB; "" for none. Servers are seldom on the path of a user."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))) or ""


def is_installed() -> bool:
    """Whether a real MariaDB can be started here."""
    return bool(program("mariadbd") and program("mariadb-install-db"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How one server introduces itself, and the statements that fill it."""

    version: str
    server_id: int
    read_only: bool
    script: str = dataclasses.field(repr=False)
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Mariadbd:
    """One process; start() once, then connect()."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 while there is none."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start it and wait until it accepts.

        Raises:
            LabError: it does not come up.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="ingressdoctor-lab-mariadb-"))
        data = self._folder / "data"
        template = await asyncio.to_thread(_template)
        await asyncio.to_thread(shutil.copytree, template, data)
        script = self._folder / "init.sql"
        script.touch(mode=0o600)
        script.write_text(self._identity.script, encoding="utf-8")
        log = self._folder / "error.log"
        self._process = _run(self._command(data, script), log)
        try:
            async with asyncio.timeout(START_S):
                while not await self._accepts():
                    if self._process.poll() is not None:
                        raise LabError(f"mariadbd did not start: {_last_line(log)}")
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            raise LabError(f"mariadbd did not accept within {START_S:.0f} s: {_last_line(log)}") from None

    def _command(self, data: Path, script: Path) -> list[str]:
        one = self._identity
        return [
            program("mariadbd"),
            "--no-defaults",
            *_as_user(),
            f"--datadir={data}",
            f"--socket={data.parent / 'socket'}",
            f"--pid-file={data.parent / 'pid'}",
            f"--init-file={script}",
            f"--version={one.version}",
            f"--server-id={one.server_id}",
            f"--read-only={int(one.read_only)}",
            *_SMALL,
            *(f"--{key.replace('_', '-')}={value}" for key, value in one.variables.items() if key != "read_only"),
        ]

    async def _accepts(self) -> bool:
        try:
            sock = await self._dial()
        except OSError:
            return False
        sock.close()
        return True

    async def _dial(self) -> socket.socket:
        if self._folder is None:
            raise ConnectionRefusedError("not started")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, str(self._folder / "socket"))
        except BaseException:
            sock.close()
            raise
        return sock

    async def connect(self, peer: Address, local: Address) -> Stream:
        """A connection that the server takes for one from *peer* to *local*."""
        stream = Stream(await self._dial(), peer=local, local=peer)
        try:
            await stream.write(encode_v1(peer, local))
        except BaseException:
            stream.close()
            raise
        return stream

    def stop(self) -> None:
        """Kill the process and delete its folder."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _run(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    # Where the kernel can be asked for it, the server ends with whoever started it, even when that is killed.
    bound = program("setpriv")
    command = [bound, "--pdeathsig", "KILL", "--", *command] if bound else command
    with log.open("wb") as errors:
        return subprocess.Popen(  # noqa: S603  # the installed server, with arguments of ours
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )


def _as_user() -> tuple[str, ...]:
    # mariadbd refuses to run as root unless told so.
    return ("--user=root",) if os.geteuid() == 0 else ()


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text("utf-8", "replace").splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines
        return errors[-1][:300] if errors else "no error in its log"
    return "no log"


def _template() -> Path:
    """An empty data directory, made by whoever needs it first; it belongs to this user alone.

    Raises:
        LabError: mariadb-install-db failed, or the directory's place is somebody else's.
    """
    asked = [program("mariadbd"), "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603  # as above
    tag = re.sub(r"[^0-9A-Za-z.]+", "-", version.partition("Ver ")[2].partition(" for ")[0])[:60]
    home = Path(tempfile.gettempdir()) / f"ingressdoctor-lab-mariadb-{os.geteuid()}-{tag}"
    if not home.exists():
        fresh = Path(tempfile.mkdtemp(prefix="ingressdoctor-lab-mariadb-new-"))
        try:
            _install(fresh)
            with contextlib.suppress(OSError):  # another process was faster
                fresh.rename(home)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    seen = home.lstat()
    if home.is_symlink() or seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
        raise LabError(f"{home.name} in the folder for temporary files belongs to somebody else")
    return home / "data"


def _install(folder: Path) -> None:
    command = [
        program("mariadb-install-db"),
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-innodb",
        "--default-storage-engine=Aria",
        f"--datadir={folder / 'data'}",
        *_as_user(),
    ]
    done = subprocess.run(  # noqa: S603  # as above
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=INSTALL_S
    )
    if done.returncode:
        raise LabError(f"mariadb-install-db failed: {done.stderr.strip()[-300:]}")
