"""A small stand-in for MariaDB where none is installed: greeting, login by password, and the statements of this path.

What it answers to a login follows what MariaDB 10.11 was seen to answer (errno, SQLSTATE, sequence). It holds no
tables: statements.py answers the few statements that a look at a database needs.
"""

from __future__ import annotations

import itertools

from ingressdoctor.lab.serve.sql import passwords, wire
from ingressdoctor.lab.serve.sql.accounts import Account, Plan
from ingressdoctor.lab.serve.sql.headers import proxy_header
from ingressdoctor.lab.serve.sql.hosts import best_match
from ingressdoctor.lab.serve.sql.mariadbd import Identity
from ingressdoctor.lab.serve.sql.networks import Networks, host_refusal
from ingressdoctor.lab.serve.sql.statements import Interpreter, Scene

CAPABILITIES = 0x81FF_F7FE
EXTENDED = 0x1D


class Imitation:
    """One server's conversations."""

    def __init__(self, name: str, identity: Identity, plan: Plan) -> None:
        self._name = name
        self._identity = identity
        self._plan = plan
        self._numbers = itertools.count(5)
        self._sessions: dict[int, str] = {}

    async def serve(self, client: wire.Packets, proxies: Networks) -> None:
        """One connection, from the greeting to its end."""
        number = next(self._numbers)
        try:
            await self._talk(client, proxies, number)
        except wire.WireError:
            pass
        finally:
            self._sessions.pop(number, None)
            await client.stream.finish()

    async def _talk(self, client: wire.Packets, proxies: Networks, number: int) -> None:
        peer = client.stream.peer.ip
        if proxies.empty and (stranger := host_refusal((item.host for item in self._plan.accounts), peer)):
            await client.write(0, stranger)
            return
        greeting = wire.Greeting(
            version=self._identity.version,
            connection=number,
            scramble=passwords.scramble(),
            capabilities=CAPABILITIES,
            extended=EXTENDED,
        )
        await client.write(0, greeting.encoded())
        while (header := await proxy_header(client)) is not None:
            if refused := proxies.refusal(client.stream.peer.ip, header):
                await client.write(1, refused)
                return
            peer = header.source.ip if header.source else peer
        if (sequence := await client.sequence()) != 1:
            await client.write(1, wire.error(1156, "08S01", "Got packets out of order"))
            return
        packet = await client.expect()
        login, sequence = wire.read_login(packet.payload), packet.sequence + 1
        if login.plugin != wire.NATIVE:
            await client.write(sequence, wire.switch_to_native(greeting.scramble))
            packet = await client.expect()
            answer, sequence = packet.payload, packet.sequence + 1
        else:
            answer = login.answer
        account = best_match(self._plan.accounts, login.user, peer)
        refused = self._refusal(account, login, answer, greeting.scramble, peer)
        await client.write(sequence, refused or wire.ok())
        if account is None or refused:
            return
        self._sessions[number] = account.user
        scene = Scene(
            account=f"{account.user}@{account.host}",
            seen_as=f"{login.user}@{peer}",
            connection=number,
            hostname=self._name,
            server_id=self._identity.server_id,
            read_only=self._identity.read_only,
            version=self._identity.version,
            plan=self._plan,
        )
        await Interpreter(client, scene, login.database).run()

    def _refusal(
        self, account: Account | None, login: wire.Login, answer: bytes, challenge: bytes, peer: str
    ) -> bytes | None:
        """Payload of the ERR packet that this login earns; None for none."""
        who = f"'{login.user}'@'{peer}'"
        used = "YES" if answer else "NO"
        denied = wire.error(1045, "28000", f"Access denied for user {who} (using password: {used})")
        if account is None:
            return denied
        right = passwords.recovered(answer, challenge, account.stored) if account.password else not answer
        if not right or account.tls:
            return denied
        if account.locked:
            return wire.error(4151, "HY000", "Access denied, this account is locked")
        open_now = list(self._sessions.values())
        if account.most and open_now.count(account.user) >= account.most:
            limit = f"(current value: {account.most})"
            text = f"User '{account.user}' has exceeded the 'max_user_connections' resource {limit}"
            return wire.error(1226, "42000", text)
        if len(open_now) >= int(self._plan.variables.get("max_connections", 151)):
            return wire.error(1040, "08004", "Too many connections")
        return self._database_refusal(account, login.database)

    def _database_refusal(self, account: Account, database: str) -> bytes | None:
        if not database:
            return None
        everywhere = any(where == "*" and rights != "USAGE" for rights, where, _ in account.grants)
        if everywhere and database not in (*self._plan.databases, "mysql"):
            return wire.error(1049, "42000", f"Unknown database '{database}'")
        if everywhere or any(where == database for _, where, _ in account.grants):
            return None
        # MariaDB names the account here, and not the client's address.
        text = f"Access denied for user '{account.user}'@'{account.host}' to database '{database}'"
        return wire.error(1044, "42000", text)
