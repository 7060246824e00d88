"""One running MaxScale: its servers as the monitor sees them, its copy of the accounts, its sessions and its counters.

It starts looking at its servers when somebody first wants something of it, so that a world in which nobody does costs
nothing. What it knew before that (`sql.connected`, `sql.accounts_read`) is what a MaxScale that has been up for weeks
would remember.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingressdoctor.lab.cluster import mapping, text
from ingressdoctor.lab.serve.maxscale.journal import Journal
from ingressdoctor.lab.serve.maxscale.options import Options, Server
from ingressdoctor.lab.serve.maxscale.state import Client, Place, Seen
from ingressdoctor.lab.serve.maxscale.users import Copy, read_copy, remembered
from ingressdoctor.lab.serve.proxyprotocol import encode_v1
from ingressdoctor.lab.serve.sql import passwords, wire
from ingressdoctor.lab.serve.sql.accounts import Passwords, Plan
from ingressdoctor.lab.serve.sql.client import Session, log_in
from ingressdoctor.lab.stream import Address, Stream

REFRESH = timedelta(seconds=30)  # users_refresh_time
BLOCK = timedelta(seconds=60)
MAX_FAILURES = 10  # max_auth_errors_until_block


class MaxScale:
    """The state of one pod."""

    def __init__(
        self,
        options: Options,
        place: Place,
        journal: Journal,
        plan: Plan,
        passwords: Passwords,
        settings: Mapping[str, Any],
    ) -> None:
        """*settings* are the world's `sql`."""
        self.options = options
        self.journal = journal
        self.started = datetime.now(UTC)
        self.copy = Copy()
        self.seen = {server.name: Seen() for server in options.servers}
        self.clients: dict[int, Client] = {}
        self.waiting: dict[str, int] = {}
        self.total: dict[str, int] = {}
        self.peak: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self.accepts: dict[str, int] = {}
        self.ticks = 0
        self.ever_connected = False
        self.numbers = itertools.count(1)
        self._place = place
        self._plan = plan
        self._passwords = passwords
        self._settings = settings
        self._failures: dict[str, int] = {}
        self._blocked: dict[str, datetime] = {}
        self._starting = asyncio.Lock()
        self._guests: list[Callable[[], Awaitable[None]]] = []
        self._ready = False
        self._forged = secrets.token_urlsafe(15)

    @property
    def is_started(self) -> bool:
        """Whether it has looked at its servers."""
        return self._ready

    @property
    def admin_password(self) -> str:
        """What the REST API takes."""
        return self._passwords.of(self.options.namespace, self.options.admin_secret)

    def lag_s(self, server: str) -> int:
        """Seconds that a replica is behind its primary, as the world's settings say (`sql.lag`)."""
        lag = mapping(self._settings.get("lag")).get(server)
        return lag if isinstance(lag, int) else 0

    def expect(self, guests: Callable[[], Awaitable[None]]) -> None:
        """Let *guests* in before anybody else."""
        self._guests.append(guests)

    async def ensure_started(self) -> None:
        """Look at the servers and read the accounts, once; then go on looking."""
        async with self._starting:
            if self._ready:
                return
            self._remember()
            await self._place.prepare()
            await self.tick()
            await self.reload()
            for arrive in self._guests:
                await arrive()
            self._ready = True
            self._place.network.spawn(self._watch())

    def _remember(self) -> None:
        if self._settings.get("connected") is False:
            return
        self.ever_connected = True
        self.copy = remembered(self._plan, text(self._settings.get("accounts_read")))
        for server in self.options.servers:
            role = "Master" if server.name == self._plan.primary else "Slave"
            self.seen[server.name] = Seen(tokens=(role, "Running"), version=self._plan.version)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._place.pause_s)
            await self.tick()

    # --- Servers.

    async def tick(self) -> None:
        """Look at every server once."""
        if self.options.monitor_stopped:
            return
        self.ticks += 1
        await asyncio.gather(*map(self._look, self.options.servers))

    async def _look(self, server: Server) -> None:
        seen = self.seen[server.name]
        where = f"{server.name}[{server.address}:{server.port}]"
        try:
            async with asyncio.timeout(self._place.dial_s):
                session = await self.open(server, f"{self.options.name}-monitor", self._own("monitor"))
                try:
                    row = (await session.query("SELECT @@global.read_only, @@server_id, @@version"))[0]
                finally:
                    session.close()
        except wire.ServerRefusal as refused:
            rejected = refused.code in {1044, 1045, 1698}
            self._set(server, ("Auth Error", "Down") if rejected else ("Down",))
            self.journal.error(f"Monitor was unable to connect to server {where} : '{refused.text}'", once=True)
            return
        except (OSError, TimeoutError, wire.WireError) as error:
            self._set(server, ("Down",))
            why = 110 if isinstance(error, TimeoutError) else 115
            text_ = f"Can't connect to server on '{server.address}' ({why})"
            self.journal.error(f"Monitor was unable to connect to server {where} : '{text_}'", once=True)
            return
        seen.read_only, seen.server_id, seen.version = row[0] == "1", int(row[1] or 0), row[2] or ""
        self.ever_connected = True
        was_master = "Master" in seen.tokens
        self._set(server, (*(("Maintenance",) if server.maintenance else ()), self._role(seen), "Running"))
        if was_master and seen.read_only:
            self.journal.warning(
                f"The current primary server '{server.name}' is no longer valid because it is in read-only mode, "
                "but there is no valid alternative to swap to.",
                once=True,
            )

    def _role(self, seen: Seen) -> str:
        return "Slave" if seen.read_only else "Master"

    def _set(self, server: Server, tokens: tuple[str, ...]) -> None:
        seen = self.seen[server.name]
        if seen.tokens == tokens:
            return
        before, seen.tokens, seen.changed = seen.tokens, tokens, datetime.now(UTC)
        if "Down" in tokens:
            seen.event = "master_down" if "Master" in before else "slave_down" if "Slave" in before else "server_down"
        else:
            seen.event = "master_up" if "Master" in tokens else "slave_up"
        if self._ready or "Down" in tokens:
            change = f"[{', '.join(before)}] -> [{', '.join(tokens)}]"
            self.journal.notice(
                f"Server changed state: {server.name}[{server.address}:{server.port}]: {seen.event}. {change}"
            )

    def _own(self, role: str) -> bytes:
        """The hash of the password that MaxScale itself logs in with, as "monitor" or as "server"."""
        right = self._settings.get(role) != "wrong"
        password = self._passwords.of(self.options.namespace, f"{self.options.name}-{role}") if right else self._forged
        return passwords.sha1(password.encode())

    async def open(
        self,
        server: Server,
        user: str,
        hashed: bytes,
        *,
        client: Address | None = None,
        database: str = "",
        capabilities: int | None = None,
    ) -> Session:
        """Log in to a server; *client* is announced to it where it takes PROXY headers. Failures as in client.py."""
        address = self._place.servers.get(server.name) or server.address
        stream = await self._dial(address, server.port)
        try:
            if server.proxy:
                await stream.write(encode_v1(client or stream.local, stream.peer))
            more = {} if capabilities is None else {"capabilities": capabilities}
            return await log_in(stream, user, hashed, database=database, **more)
        except BaseException:
            stream.close()
            raise

    async def _dial(self, ip: str, port: int) -> Stream:
        place = self._place
        return await place.network.connect(ip, port, source_ip=place.ip, timeout_s=place.dial_s)

    # --- Accounts.

    async def reload(self) -> bool:
        """Read the accounts anew; False when no server let us, and the copy stays as it was."""
        usable = [server for server in self.options.servers if self.seen[server.name].is_running]
        for server in sorted(usable, key=lambda item: "Master" not in self.seen[item.name].tokens):
            try:
                async with asyncio.timeout(self._place.dial_s):
                    session = await self.open(server, f"{self.options.name}-server", self._own("server"))
                    try:
                        self.copy = await read_copy(session)
                    finally:
                        session.close()
            except wire.ServerRefusal as refused:
                self.journal.error(
                    f"Failed to query server '{server.name}' for user account info. Connection to "
                    f"[{server.address}]:{server.port} failed. Error {refused.code}: {refused.text}",
                    once=True,
                )
            except (OSError, TimeoutError, wire.WireError) as error:
                self.journal.error(f"Failed to query server '{server.name}' for user account info. {error}", once=True)
            else:
                return True
        if not usable:
            self.journal.error("No valid servers from which to query MariaDB user accounts found.", once=True)
        return False

    async def refresh(self, user: str, ip: str) -> bool:
        """Read the accounts anew for a client that failed, unless that was done a moment ago."""
        if self.copy.read is not None and datetime.now(UTC) - self.copy.read < REFRESH:
            self.journal.warning(f"User accounts have been recently updated, cannot update again for '{user}'@'{ip}'.")
            return False
        return await self.reload()

    # --- Who fails too often.

    def is_blocked(self, ip: str) -> bool:
        """Whether a peer is locked out for now."""
        until = self._blocked.get(ip)
        return until is not None and datetime.now(UTC) < until

    def count_failure(self, ip: str, service: str) -> None:
        """A login of *ip* failed."""
        self.failed[service] = self.failed.get(service, 0) + 1
        self._failures[ip] = self._failures.get(ip, 0) + 1
        most = self.options.params.get("max_auth_errors_until_block", str(MAX_FAILURES))
        if most.isdigit() and int(most) and self._failures[ip] >= int(most):
            self._failures[ip] = 0
            self._blocked[ip] = datetime.now(UTC) + BLOCK
            self.journal.notice(f"Host '{ip}' blocked for 60 seconds due to too many authentication failures.")
