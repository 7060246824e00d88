"""Which Kubernetes kinds are read, and where the API serves them. Data only; it reads nothing.

Paths are those of the API conventions: ``/api/v1`` for the core group, ``/apis/<group>/<version>`` for the others.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar
from urllib.parse import quote

import msgspec

from ingressdoctor.evidence.kube import (
    EndpointSlice,
    Event,
    Ingress,
    IngressClass,
    NetworkPolicy,
    Node,
    Pod,
    Resource,
    Service,
)
from ingressdoctor.evidence.kube.config_map import ConfigMap
from ingressdoctor.evidence.routes import Custom

__all__ = [
    "APPLICATIONS",
    "CERTIFICATES",
    "CERTIFICATE_REQUESTS",
    "CHALLENGES",
    "CLUSTER_ISSUERS",
    "CONFIG_MAPS",
    "CONNECTIONS",
    "DAEMON_SETS",
    "DATABASES",
    "DEPLOYMENTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "GATEWAYS",
    "GATEWAY_CLASSES",
    "GATEWAY_GROUP",
    "GRANTS",
    "GRPC_ROUTES",
    "HELM_CHARTS",
    "HELM_CHART_CONFIGS",
    "HTTP_ROUTES",
    "INGRESSES",
    "INGRESS_CLASSES",
    "INGRESS_ROUTES",
    "INGRESS_ROUTE_TCPS",
    "INGRESS_ROUTE_UDPS",
    "ISSUERS",
    "JOBS",
    "KINDS",
    "MARIADBS",
    "MAXSCALES",
    "MIDDLEWARES",
    "MIDDLEWARE_TCPS",
    "NAMESPACES",
    "NETWORK_POLICIES",
    "NODES",
    "ORDERS",
    "PODS",
    "REFERENCE_GRANTS",
    "REPLICA_SETS",
    "SERVERS_TRANSPORTS",
    "SERVERS_TRANSPORT_TCPS",
    "SERVICES",
    "STATEFUL_SETS",
    "TLS_OPTIONS",
    "TLS_STORES",
    "TRAEFIK_SERVICES",
    "USERS",
    "Kind",
]

T = TypeVar("T", bound=Resource)


class Kind(msgspec.Struct, Generic[T], frozen=True):
    """One kind: how it is decoded and where it is served.

    ``name`` is the CamelCase kind, ``group`` is empty for the core group; ``custom`` kinds exist only where their
    CRD is installed.
    """

    struct: type[T]
    name: str
    group: str
    version: str
    plural: str
    namespaced: bool = True
    custom: bool = False

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the API path of one object, one namespace's objects, or all objects."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{base}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


PODS: Final = Kind(Pod, "Pod", "", "v1", "pods")
SERVICES: Final = Kind(Service, "Service", "", "v1", "services")
EVENTS: Final = Kind(Event, "Event", "", "v1", "events")
NODES: Final = Kind(Node, "Node", "", "v1", "nodes", namespaced=False)
NAMESPACES: Final = Kind(Resource, "Namespace", "", "v1", "namespaces", namespaced=False)
ENDPOINT_SLICES: Final = Kind(EndpointSlice, "EndpointSlice", "discovery.k8s.io", "v1", "endpointslices")
INGRESSES: Final = Kind(Ingress, "Ingress", "networking.k8s.io", "v1", "ingresses")
INGRESS_CLASSES: Final = Kind(
    IngressClass, "IngressClass", "networking.k8s.io", "v1", "ingressclasses", namespaced=False
)
NETWORK_POLICIES: Final = Kind(NetworkPolicy, "NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies")
INGRESS_ROUTES: Final = Kind(Custom, "IngressRoute", "traefik.io", "v1alpha1", "ingressroutes", custom=True)
MIDDLEWARES: Final = Kind(Custom, "Middleware", "traefik.io", "v1alpha1", "middlewares", custom=True)
TRAEFIK_SERVICES: Final = Kind(Custom, "TraefikService", "traefik.io", "v1alpha1", "traefikservices", custom=True)
INGRESS_ROUTE_TCPS: Final = Kind(Custom, "IngressRouteTCP", "traefik.io", "v1alpha1", "ingressroutetcps", custom=True)
INGRESS_ROUTE_UDPS: Final = Kind(Custom, "IngressRouteUDP", "traefik.io", "v1alpha1", "ingressrouteudps", custom=True)
MIDDLEWARE_TCPS: Final = Kind(Custom, "MiddlewareTCP", "traefik.io", "v1alpha1", "middlewaretcps", custom=True)
SERVERS_TRANSPORTS: Final = Kind(Custom, "ServersTransport", "traefik.io", "v1alpha1", "serverstransports", custom=True)
SERVERS_TRANSPORT_TCPS: Final = Kind(
    Custom, "ServersTransportTCP", "traefik.io", "v1alpha1", "serverstransporttcps", custom=True
)
TLS_OPTIONS: Final = Kind(Custom, "TLSOption", "traefik.io", "v1alpha1", "tlsoptions", custom=True)
TLS_STORES: Final = Kind(Custom, "TLSStore", "traefik.io", "v1alpha1", "tlsstores", custom=True)
CERTIFICATES: Final = Kind(Custom, "Certificate", "cert-manager.io", "v1", "certificates", custom=True)
CERTIFICATE_REQUESTS: Final = Kind(
    Custom, "CertificateRequest", "cert-manager.io", "v1", "certificaterequests", custom=True
)
ISSUERS: Final = Kind(Custom, "Issuer", "cert-manager.io", "v1", "issuers", custom=True)
CLUSTER_ISSUERS: Final = Kind(
    Custom, "ClusterIssuer", "cert-manager.io", "v1", "clusterissuers", namespaced=False, custom=True
)
ORDERS: Final = Kind(Custom, "Order", "acme.cert-manager.io", "v1", "orders", custom=True)
CHALLENGES: Final = Kind(Custom, "Challenge", "acme.cert-manager.io", "v1", "challenges", custom=True)
APPLICATIONS: Final = Kind(Custom, "Application", "argoproj.io", "v1alpha1", "applications", custom=True)
GATEWAY_GROUP: Final = "gateway.networking.k8s.io"
GATEWAY_CLASSES: Final = Kind(
    Custom, "GatewayClass", GATEWAY_GROUP, "v1", "gatewayclasses", namespaced=False, custom=True
)
GATEWAYS: Final = Kind(Custom, "Gateway", GATEWAY_GROUP, "v1", "gateways", custom=True)
HTTP_ROUTES: Final = Kind(Custom, "HTTPRoute", GATEWAY_GROUP, "v1", "httproutes", custom=True)
GRPC_ROUTES: Final = Kind(Custom, "GRPCRoute", GATEWAY_GROUP, "v1", "grpcroutes", custom=True)
REFERENCE_GRANTS: Final = Kind(Custom, "ReferenceGrant", GATEWAY_GROUP, "v1beta1", "referencegrants", custom=True)
MARIADBS: Final = Kind(Custom, "MariaDB", "k8s.mariadb.com", "v1alpha1", "mariadbs", custom=True)
MAXSCALES: Final = Kind(Custom, "MaxScale", "k8s.mariadb.com", "v1alpha1", "maxscales", custom=True)
USERS: Final = Kind(Custom, "User", "k8s.mariadb.com", "v1alpha1", "users", custom=True)
GRANTS: Final = Kind(Custom, "Grant", "k8s.mariadb.com", "v1alpha1", "grants", custom=True)
DATABASES: Final = Kind(Custom, "Database", "k8s.mariadb.com", "v1alpha1", "databases", custom=True)
CONNECTIONS: Final = Kind(Custom, "Connection", "k8s.mariadb.com", "v1alpha1", "connections", custom=True)
DEPLOYMENTS: Final = Kind(Custom, "Deployment", "apps", "v1", "deployments")
REPLICA_SETS: Final = Kind(Custom, "ReplicaSet", "apps", "v1", "replicasets")
DAEMON_SETS: Final = Kind(Custom, "DaemonSet", "apps", "v1", "daemonsets")
STATEFUL_SETS: Final = Kind(Custom, "StatefulSet", "apps", "v1", "statefulsets")
JOBS: Final = Kind(Custom, "Job", "batch", "v1", "jobs")
HELM_CHARTS: Final = Kind(Custom, "HelmChart", "helm.cattle.io", "v1", "helmcharts", custom=True)
HELM_CHART_CONFIGS: Final = Kind(Custom, "HelmChartConfig", "helm.cattle.io", "v1", "helmchartconfigs", custom=True)
# Read one by one and by name, never listed, where the namespace grants it: ConfigMaps hold more than our subject.
CONFIG_MAPS: Final = Kind(ConfigMap, "ConfigMap", "", "v1", "configmaps")

KINDS: Final = (
    PODS,
    SERVICES,
    EVENTS,
    NODES,
    NAMESPACES,
    ENDPOINT_SLICES,
    INGRESSES,
    INGRESS_CLASSES,
    NETWORK_POLICIES,
    INGRESS_ROUTES,
    MIDDLEWARES,
    TRAEFIK_SERVICES,
    INGRESS_ROUTE_TCPS,
    INGRESS_ROUTE_UDPS,
    MIDDLEWARE_TCPS,
    SERVERS_TRANSPORTS,
    SERVERS_TRANSPORT_TCPS,
    TLS_OPTIONS,
    TLS_STORES,
    CERTIFICATES,
    CERTIFICATE_REQUESTS,
    ISSUERS,
    CLUSTER_ISSUERS,
    ORDERS,
    CHALLENGES,
    APPLICATIONS,
    GATEWAY_CLASSES,
    GATEWAYS,
    HTTP_ROUTES,
    GRPC_ROUTES,
    REFERENCE_GRANTS,
    MARIADBS,
    MAXSCALES,
    USERS,
    GRANTS,
    DATABASES,
    CONNECTIONS,
    DEPLOYMENTS,
    DAEMON_SETS,
    STATEFUL_SETS,
    JOBS,
    HELM_CHARTS,
    HELM_CHART_CONFIGS,
)
