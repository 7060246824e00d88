"""Valid evidence of a MySQL port and of a login through MaxScale, with overridable parts: all is well."""

from __future__ import annotations

from ingressdoctor.api import (
    DatabaseObjects,
    FirstWords,
    Greeting,
    MariaDbObject,
    MaxScaleAccount,
    MaxScaleInstance,
    MaxScaleListener,
    MaxScaleObject,
    MaxScaleServer,
    MaxScaleService,
    MaxScaleState,
    Reach,
    ServerError,
    ServerSeen,
    SqlGreeting,
    SqlIdentity,
    SqlLogin,
    SqlSpeaker,
    Target,
    Unavailable,
    UserObject,
)

HOST = "db.shop.example"
TARGET = Target.parse(f"mysql://erp@{HOST}/shop")
UNSEEN = Unavailable(wanted="it", reason="403: not granted", enable_with="Grant it.")
ADDRESS = "203.0.113.10"
_BYTES = bytes.fromhex("0500000a3131")


def words(
    first: bytes = _BYTES,
    *,
    reach: Reach = Reach.OK,
    end: Reach | None = None,
    after: float | None = 0.02,
    address: str = ADDRESS,
    detail: str = "",
) -> FirstWords:
    """Return what came on a connection; by default, a packet after 20 ms."""
    return FirstWords(
        address=address,
        port=3306,
        reach=reach,
        first=first,
        first_after_s=after if first else None,
        end=end,
        detail=detail,
        elapsed_s=(after or 8.0) if first else 8.0,
    )


def greeting(
    *, tls: bool = True, version: str = "5.5.5-10.11.8-MariaDB-log", capabilities: int = 0x01BFF7DE
) -> Greeting:
    """Return MaxScale's greeting."""
    return Greeting(version=version, connection_id=7, capabilities=capabilities | (0x0800 if tls else 0))


def greets(
    said: FirstWords | None = None,
    *,
    speaker: SqlSpeaker = SqlSpeaker.MAXSCALE,
    tls: bool = True,
    second: ServerError | None = None,
) -> SqlGreeting:
    """Return a port that greets."""
    return SqlGreeting(words=said or words(), speaker=speaker, greeting=greeting(tls=tls), second=second)


def error(errno: int, text: str = "", *, state: str = "HY000", sequence: int = 2) -> ServerError:
    """Return an ERR packet."""
    return ServerError(errno=errno, text=text or f"error {errno}", sqlstate=state, sequence=sequence)


def refuses(errno: int, text: str = "", *, state: str = "") -> SqlGreeting:
    """Return a port that sends an error in place of the greeting."""
    return SqlGreeting(words=words(), speaker=SqlSpeaker.ERROR, error=error(errno, text, state=state, sequence=0))


def login(
    failed: ServerError | None = None,
    *,
    client_error: str = "",
    accepted: bool = False,
    closed: bool = False,
    cipher: str = "",
    database: str = "shop",
    reach: Reach = Reach.OK,
) -> SqlLogin:
    """Return a login that failed, with an error or without."""
    return SqlLogin(
        address=ADDRESS,
        port=3306,
        user="erp",
        database=database,
        reach=reach,
        accepted=accepted,
        closed_after_ok=closed,
        error=failed,
        client_error=client_error,
        cipher=cipher,
    )


def logged_in(
    *, read: int = 2, write: int = 1, read_only: bool = False, seen_as: str = "erp@203.0.113.7", database: str = "shop"
) -> SqlLogin:
    """Return a login that works: server 2 reads, server 1 writes."""
    return SqlLogin(
        address=ADDRESS,
        port=3306,
        user="erp",
        database=database,
        reach=Reach.OK,
        accepted=True,
        identity=SqlIdentity(
            account="erp@%",
            seen_as=seen_as,
            connection_id=40,
            hostname="mariadb-1",
            port=3306,
            server_id=read,
            read_only=read != 1,
            version="10.11.8-MariaDB",
            database=database,
        ),
        read=ServerSeen(server_id=read, read_only=read != 1),
        write=ServerSeen(server_id=write, read_only=read_only),
    )


def maxscale(
    *accounts: MaxScaleAccount | str,
    known: bool = True,
    router: str = "readwritesplit",
    replicas: int = 1,
) -> MaxScaleState:
    """Return a MaxScale that knows *accounts* (``erp@%`` where none is given); *known* False tells of none at all."""
    users = tuple(
        item if isinstance(item, MaxScaleAccount) else MaxScaleAccount(user=item, host="%")
        for item in accounts or ("erp",)
    )
    servers = (
        MaxScaleServer(name="mariadb-0", states=("Master", "Running")),
        *(MaxScaleServer(name=f"mariadb-{n}", states=("Slave", "Running")) for n in range(1, replicas + 1)),
    )
    service = MaxScaleService(
        name="rw-router",
        state="Started",
        router=router,
        servers=tuple(item.name for item in servers),
        users=users if known else None,
    )
    listener = MaxScaleListener(name="rw", state="Running", service="rw-router", port=3306)
    instance = MaxScaleInstance(
        place="maxscale-0", version="23.08.5", servers=servers, services=(service,), listeners=(listener,)
    )
    return MaxScaleState(namespace="data", name="maxscale", port=3306, pods=1, instances=(instance,))


def no_accounts() -> MaxScaleState:
    """Return a MaxScale whose copy of the accounts is empty."""
    state = maxscale()
    instance = state.instances[0]
    service = MaxScaleService(name="rw-router", state="Started", router="readwritesplit", users=())
    empty = MaxScaleInstance(place=instance.place, services=(service,), listeners=instance.listeners)
    return MaxScaleState(namespace="data", name="maxscale", port=3306, pods=1, instances=(empty,))


def operated(*users: str) -> DatabaseObjects:
    """Return what mariadb-operator has: one MariaDB behind one MaxScale, and Users."""
    return DatabaseObjects(
        namespace="data",
        target=MaxScaleObject(kind="MaxScale", namespace="data", name="maxscale", mariadb="mariadb"),
        mariadbs=(MariaDbObject(kind="MariaDB", namespace="data", name="mariadb", primary="mariadb-0"),),
        users=tuple(UserObject(kind="User", namespace="data", name=name, user=name) for name in users),
    )
