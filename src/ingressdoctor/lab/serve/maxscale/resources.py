"""What MaxScale's REST API says about its parts: JSON:API resources with the field names of 23.08 and 24.02.

Source: MaxScale Documentation/REST-API, and answers of 23.08.5 and 24.02.4. Passwords are never shown (`*****`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.maxscale.options import Server, Service, is_on, number

Resource = dict[str, Any]
_HIDDEN = "*****"


def stamp(at: datetime | None) -> str | None:
    """A time as MaxScale writes it."""
    return at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT") if at else None


def made(kind: str, name: str, attributes: Mapping[str, Any], relations: Mapping[str, Any] | None = None) -> Resource:
    """A resource with its links."""
    path = f"/v1/{kind}/{name}/"
    return {
        "id": name,
        "type": kind,
        "attributes": dict(attributes),
        "relationships": dict(relations or {}),
        "links": {"self": path},
    }


def related(kind: str, *names: str) -> dict[str, Any]:
    """A relationship to resources of a kind."""
    return {"data": [{"id": name, "type": kind} for name in names]}


def maxscale(one: MaxScale) -> Resource:
    """/v1/maxscale."""
    params: dict[str, Any] = {
        "admin_auth": True,
        "admin_enabled": True,
        "admin_gui": one.options.gui,
        "admin_host": "0.0.0.0",  # what the operator renders
        "admin_port": one.options.admin_port,
        "admin_secure_gui": True,
        "admin_ssl_cert": "/etc/pki/tls.crt" if one.options.tls else None,
        "max_auth_errors_until_block": 10,
        "passive": False,
        "skip_name_resolve": False,
        "threads": 1,
        "users_refresh_interval": "0ms",
        "users_refresh_time": "30000ms",
    }
    given = {key: _typed(value) for key, value in one.options.params.items()}
    return {
        "id": "maxscale",
        "type": "maxscale",
        "attributes": {
            "version": one.options.release,
            "commit": "0f2bd9d1d6f9b3d8b9b8f4ce1b1bb52f1d2b2c11",
            "started_at": stamp(one.started),
            "activated_at": stamp(one.started),
            "uptime": int((datetime.now(UTC) - one.started).total_seconds()),
            "config_sync": None,
            "process_datadir": "/var/lib/maxscale/data1",
            "parameters": params | given,
        },
        "links": {"self": "/v1/maxscale/"},
    }


def _typed(value: str) -> object:
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return int(value) if value.isdigit() else value


def server(one: MaxScale, item: Server) -> Resource:
    """One of /v1/servers."""
    seen = one.seen[item.name]
    attributes: dict[str, Any] = {
        "state": ", ".join(seen.tokens),
        "version_string": seen.version or None,
        "parameters": {
            "address": item.address,
            "port": item.port,
            "protocol": None,
            "proxy_protocol": item.proxy,
            "ssl": is_on(item.params.get("ssl", "")),
            "max_routing_connections": number(item.params.get("max_routing_connections", "")),
            "monitorpw": None,
            "monitoruser": None,
        },
        "statistics": {
            "connections": seen.sessions,
            "total_connections": seen.total,
            "max_connections": seen.most,
            "failed_auths": seen.failed,
            "active_operations": 0,
            "routed_packets": 0,
            "persistent_connections": 0,
        },
        "last_event": seen.event or None,
        "triggered_at": stamp(seen.changed),
    }
    if not one.options.monitor_stopped and "Running" in seen.tokens:
        replicates = "Slave" in seen.tokens
        attributes |= {
            "node_id": seen.server_id,
            "read_only": seen.read_only,
            "replication_lag": one.lag_s(item.name) if replicates else -1,
            "lock_held": None,
            "state_details": None,
            "slave_connections": [_replication(one)] if replicates and seen.read_only else [],
        }
    services = [service.name for service in one.options.services]
    relations = {"services": related("services", *services), "monitors": related("monitors", one.options.monitor)}
    return made("servers", item.name, attributes, relations)


def _replication(one: MaxScale) -> dict[str, Any]:
    master = next((name for name, seen in one.seen.items() if "Master" in seen.tokens), None)
    return {
        "connection_name": "",
        "master_server_name": master,
        "slave_io_running": "Yes" if master else "Connecting",
        "slave_sql_running": "Yes",
        "last_io_error": "",
        "last_sql_error": "",
        "seconds_behind_master": 0 if master else None,
        "using_gtid": "Current_Pos",
    }


def service(one: MaxScale, item: Service) -> Resource:
    """One of /v1/services."""
    current = sum(client.service == item.name for client in one.clients.values())
    copy = one.copy
    attributes: dict[str, Any] = {
        "router": item.router,
        "state": "Stopped" if item.stopped else "Started",
        "started": stamp(one.started),
        "connections": current,
        "total_connections": one.total.get(item.name, 0),
        "statistics": {
            "connections": current,
            "total_connections": one.total.get(item.name, 0),
            "max_connections": one.peak.get(item.name, 0),
            "failed_auths": one.failed.get(item.name, 0),
            "active_operations": 0,
            "routed_packets": 0,
        },
        "parameters": _service_parameters(one, item),
        "listeners": [listener(item)],
        "users": [
            {
                "user": user.user,
                "host": user.host,
                "plugin": user.plugin,
                "ssl": user.ssl,
                "super_priv": user.super_priv,
                "global_priv": user.global_priv,
                "proxy_priv": False,
                "default_role": user.default_role,
            }
            for user in copy.users
        ],
        "users_last_update": stamp(copy.read) if copy.users else None,
    }
    servers = [each.name for each in one.options.servers]
    relations = {"servers": related("servers", *servers), "listeners": related("listeners", item.listener.name)}
    return made("services", item.name, attributes, relations)


def _service_parameters(one: MaxScale, item: Service) -> dict[str, Any]:
    params: dict[str, Any] = {
        "router": item.router,
        "user": f"{one.options.name}-server",
        "password": _HIDDEN,
        "enable_root_user": False,
        "max_connections": item.most,
        "version_string": None,
        "wait_timeout": "0ms",
        "strip_db_esc": True,
    }
    if item.router == "readwritesplit":
        params["master_failure_mode"] = "fail_instantly" if one.options.fails_instantly else "fail_on_write"
    else:
        params["router_options"] = "running"
    return params | {key: _typed(value) for key, value in item.params.items()}


def listener(item: Service) -> Resource:
    """One of /v1/listeners."""
    heard = item.listener
    params: dict[str, Any] = {
        "address": "::",
        "authenticator": None,
        "port": heard.port,
        "protocol": "MariaDBProtocol",
        "proxy_protocol_networks": None,
        "service": item.name,
        "ssl": heard.tls,
        "type": "listener",
    }
    given = {key: value for key, value in heard.params.items() if key != "ssl"}
    attributes = {"state": "Stopped" if heard.stopped else "Running", "source": None, "parameters": params | given}
    return made("listeners", heard.name, attributes, {"services": related("services", item.name)})


def monitor(one: MaxScale) -> Resource:
    """The one of /v1/monitors."""
    options = one.options
    attributes: dict[str, Any] = {
        "module": options.module,
        "state": "Stopped" if options.monitor_stopped else "Running",
        "ticks": one.ticks,
        "parameters": {
            "module": options.module,
            "user": f"{options.name}-monitor",
            "password": _HIDDEN,
            "monitor_interval": "2000ms",
            "auto_failover": True,
            "auto_rejoin": True,
            "cooperative_monitoring_locks": "none",
            **{key: _typed(value) for key, value in options.monitor_params.items()},
        },
    }
    if not options.monitor_stopped:
        master = next((name for name, seen in one.seen.items() if "Master" in seen.tokens), None)
        attributes["monitor_diagnostics"] = {
            "master": master,
            "primary": None,
            "state": "Idle",
            "server_info": [
                {
                    "name": name,
                    "read_only": seen.read_only,
                    "server_id": seen.server_id,
                    "lock_held": None,
                    "slave_connections": [_replication(one)] if "Slave" in seen.tokens and seen.read_only else [],
                }
                for name, seen in one.seen.items()
            ],
        }
    servers = [each.name for each in options.servers]
    return made("monitors", options.monitor, attributes, {"servers": related("servers", *servers)})
