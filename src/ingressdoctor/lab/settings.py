"""Settings of a world, with their defaults: everything about an environment that no product's object can say.

Worlds override them in world.yaml, faults patch them. Waits are scaled down so that a whole diagnosis takes about
a second; the real value is named beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_SETTINGS: Mapping[str, Any] = {
    # The hostname that a run asks about when nobody says which.
    "host": "",
    # --- Waits of the data plane, in seconds.
    "edge_connect_s": 0.25,  # the edge gives up connecting to an origin (real: 19, then 522)
    "edge_read_s": 0.8,  # the edge gives up waiting for an answer (real: 100, then 524)
    "controller_dial_s": 0.4,  # the controller gives up dialling a pod (real: 30, then 504)
    "controller_read_s": 10.0,  # an entry point waits for the first bytes (real: 60)
    "controller_header_s": 5.0,  # an entry point waits for a PROXY header that does not come (real: 60, readTimeout)
    "nginx_dial_s": 0.1,  # nginx gives up one of three attempts to reach a pod (real: 5, proxy-connect-timeout)
    "nginx_read_s": 0.6,  # nginx gives up waiting for an answer (real: 60, proxy-read-timeout, which scales it)
    "health_interval_s": 0.2,  # pause between the balancer's health checks (real: 15)
    "health_timeout_s": 0.15,  # one health check (real: 10)
    "cloudflared_dial_s": 0.4,  # cloudflared gives up dialling a service, or the edge (real: 30 and 15)
    "maxscale_dial_s": 3.0,  # MaxScale gives up connecting to a server (real: 3, backend_connect_timeout)
    "maxscale_interval_s": 1.0,  # pause between looks at the servers (real: 2, monitor_interval)
    "cloudflared_tls_s": 0.6,  # cloudflared gives up a TLS handshake with a service (real: 10)
    # --- Addresses.
    # The edge's: a proxied record answers with these, never with its own content.
    "anycast": {
        "v4": ["104.21.32.11", "172.67.150.7"],
        "v6": ["2606:4700:3031::6815:200b", "2606:4700:3037::ac43:9607"],
    },
    # Kinds that the ingress controller itself may not list; its provider then never loads anything.
    "controller_forbidden": [],
    "client_ip": "198.51.100.23",  # who visitors seem to be
    # Who they seem to be to the nodes' private addresses, where whoever asks sits in their network ("": outside of it,
    # and private addresses are out of reach).
    "client_lan_ip": "",
    # Whether whoever asks has no internet: nothing but the cluster can be reached.
    "offline": False,
    "no_route": [],  # addresses that answer "no route to host" (523)
    # --- What is down or filtered below Kubernetes' own objects.
    "nodes_down": [],  # names of nodes that are switched off
    "node_ports": {},  # node name: "refuse" (kube-proxy gone) or "drop" (filtered)
    # {"node": name, "port": number}: connections to that port are dropped (ufw), but for those from *allow* (ranges).
    "firewall_drop": [],
    "udp_7844": "open",  # or "closed": no UDP gets from cloudflared to the edge's port 7844
    "tcp_7844": "open",  # or "closed": no TCP does
    "network_policy": "enforce",  # or "ignore": the CNI plugin does not implement NetworkPolicy
    "policy_deny": "drop",  # or "reject": how the CNI plugin denies
    "proxy_version": 1,  # of the PROXY protocol that the balancer sends
    # ConfigMaps as they were before their last edit: [{namespace, name, at, data}], or with *replace* (a text of today:
    # what stood there then) in the place of *data*. A container that had started by *at* has read that; managedFields
    # of the ConfigMap itself should tell of the edit.
    "edited": [],
    # --- The APIs. misbehave: {"kube" | "hetzner" | "cloudflare": "html" | "half" | "500" | "hang" | "429"}.
    "misbehave": {},
    # What the handed-out Kubernetes user may not read ("networkpolicies.networking.k8s.io", "pods/log",
    # "services"), and what it may beyond the usual ("pods/proxy"); with namespaces, it may read these only and nothing
    # cluster-wide. Secrets are always refused.
    "rbac": {"user": "system:serviceaccount:ingressdoctor:ingressdoctor", "deny": [], "allow": [], "namespaces": []},
    # A continue token older than this is answered 410 Expired.
    "kube": {"continue_ttl_s": 300, "version": "v1.34.2"},
    # Which permissions the Cloudflare token lacks: "zone", "dns", "settings", "certificates", "tunnel", "access_apps",
    # "access_tokens", "access_organization". answers: what one of these is answered instead, {"tunnel": "429"} (too
    # many requests), "500" or "unsuccessful" (200 with success: false).
    "cloudflare": {"deny": [], "answers": {}},
    # The Access service token that is handed out, by name ("": none), and whether its secret is still the right one
    # ("rotated": the handed-out secret is the one before). hosts: patterns of the names that it is meant for.
    "service_token": {"name": "", "secret": "current", "hosts": []},
    # --- DNS. views: what one recursive view answers differently, by name and type, or "NXDOMAIN"
    # ({"public": {"www.wecare.gr": {"A": ["192.0.2.1"], "AAAA": []}}}).
    # misbehave: {"system" | "public" | "authoritative": "servfail" | "refused" | "timeout" | "truncate"}.
    # rebind_protection: views that leave private addresses out of their answers, as many home routers do.
    "dns": {"views": {}, "misbehave": {}, "rebind_protection": []},
    # --- The SQL path: what no object of mariadb-operator says.
    "sql": {
        "real": "auto",  # a real MariaDB where mariadbd is installed; "never": the small stand-in always
        "passwords": {},  # by the name of the Secret that holds it; a Secret that is not here gets one at each start
        # Whose password is handed out (name of a User object; "": the first), and whether it is right ("wrong").
        "account": "",
        "password": "current",
        "admin": "current",  # whether the handed-out password of MaxScale's REST API is right, or "wrong"
        # Whether databases start with the lab, and not when somebody comes: so in a scenario that asks by mysql://.
        "started": False,
        # Whether MaxScale's monitor and its services log in to the servers with the right password, or "wrong".
        "monitor": "current",
        "server": "current",
        "connected": True,  # whether MaxScale had reached its servers before
        "accounts_read": "",  # when it last read the accounts, where it cannot now (RFC 3339; "": after all were made)
        "stopped": [],  # its services, listeners and monitors that somebody stopped with maxctrl
        "locked": [],  # accounts that an administrator locked (ACCOUNT LOCK)
        "read_only": [],  # MariaDB pods on which somebody set read_only
        # Other clients of MaxScale, there before anybody asks: [{from: address, user: erp-db-user, count: 20}]; and
        # logins with a wrong password before that: [{from: …, user: …, count: 10}].
        "sessions": [],
        "failed_logins": [],
    },
}
