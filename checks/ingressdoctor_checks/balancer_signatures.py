"""What the cloud controller's complaints mean, and what to type. Data only.

``balancer_sync`` looks the first matching signature up in an event's reason or message, so narrow ones stand before
wide ones.
Source: hcloud-cloud-controller-manager (hcloud/load_balancers.go, internal/hcops, internal/annotation), hcloud-go
error codes, kubernetes/cloud-provider controllers/service.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["FAILED", "REMARKS", "SIGNATURES", "SUCCEEDED", "Signature", "explain"]

SUCCEEDED: Final = ("EnsuredLoadBalancer", "UpdatedLoadBalancer")
FAILED: Final = (
    "SyncLoadBalancerFailed",
    "UpdateLoadBalancerFailed",
    "CreatingLoadBalancerFailed",
    "UnAvailableLoadBalancer",
    "DeleteLoadBalancerFailed",
)
# Said about the Service while its sync goes on and succeeds.
REMARKS: Final = (
    "UnsupportedProtocolConfigured",
    "InternalIPNotConfigured",
    "LoadBalancerTypeUnconfigured",
    "LoadBalancerTypeDeprecated",
)


class Signature(msgspec.Struct, frozen=True):
    """A piece of text, what it means, what repairs it; ``annotation`` is the one to look at, if it is one."""

    text: str
    meaning: str
    fix: str
    annotation: str = ""


SIGNATURES: Final = (
    Signature(
        "There are no available nodes",
        "no node may be a target",
        "Take the label node.kubernetes.io/exclude-from-external-load-balancers off the nodes that may serve traffic.",
    ),
    Signature(
        "nor load-balancer.hetzner.cloud/network-zone set",
        "nothing says where the load balancer shall stand, so none is created",
        "Set the annotation location (or network-zone).",
        "location",
    ),
    Signature(
        "use private ip: missing network id",
        "private targets are asked for, but the cloud controller knows no network",
        "Set HCLOUD_NETWORK for the cloud controller, or use-private-ip to false.",
        "use-private-ip",
    ),
    Signature(
        "unable to parse the node-selector annotation",
        "the node selector does not parse",
        "Write it as a Kubernetes label selector.",
        "node-selector",
    ),
    Signature("strconv.ParseBool: parsing", "an annotation is no boolean", 'Write "true" or "false"; yes and on fail.'),
    Signature("strconv.Atoi: parsing", "an annotation is no whole number", "Write digits only."),
    Signature("time: missing unit in duration", "a duration has no unit", 'Write the unit, as in "15s".'),
    Signature("time: invalid duration", "a duration does not parse", 'Write it as in "15s".'),
    Signature(
        "validateServiceProtocol: invalid", "the protocol is none of tcp, http, https", "Correct it.", "protocol"
    ),
    Signature(
        "validateAlgorithmType: invalid",
        "the algorithm is neither round_robin nor least_connections",
        "Correct it.",
        "algorithm-type",
    ),
    Signature(
        "health_check.protocol",
        "the health check's protocol is refused",
        "Use http with health-check-http-validate-certificate instead of https.",
        "health-check-protocol",
    ),
    Signature(
        "invalid input in field 'health_check'",
        "the health check's settings are refused, most often protocol https",
        "Use http with health-check-http-validate-certificate instead of https.",
        "health-check-protocol",
    ),
    Signature(
        "invalid input in field 'http'",
        "an http-* annotation meets a tcp service; the load balancer is left without services and targets",
        "Remove the http-* annotations, or set protocol to https together with a certificate.",
        "http-redirect-http",
    ),
    Signature(
        "non-unique result",
        "two load balancers (or certificates) carry the Service's label",
        "Remove the label hcloud-ccm/service-uid from the one that carries no traffic.",
    ),
    Signature(
        "name is already used",
        "another load balancer has the name already",
        "Change the annotation name, or rename the other one.",
        "name",
    ),
    Signature(
        "uniqueness_error",
        "another load balancer has the name already",
        "Change the annotation name, or rename the other one.",
        "name",
    ),
    Signature(
        "can no longer be ordered", "the load balancer type is no longer sold", "Set the annotation type.", "type"
    ),
    Signature("load balancer type not found", "no such load balancer type", "Correct the annotation type.", "type"),
    Signature(
        "invalid_load_balancer_type", "the type is too small for what it carries", "Choose a larger type.", "type"
    ),
    Signature("could not parse private IPv4", "the private address does not parse", "Correct it.", "private-ipv4"),
    Signature(
        "could not parse private subnet", "the subnet range does not parse", "Correct it.", "private-subnet-ip-range"
    ),
    Signature("ip_not_available", "the private address is taken", "Choose a free one.", "private-ipv4"),
    Signature("no_subnet_available", "the network has no subnet in the load balancer's zone", "Add a subnet there."),
    Signature(
        "load_balancer_already_attached", "the load balancer is in another network", "Detach it from that network."
    ),
    Signature(
        "load_balancer_not_attached_to_network",
        "private targets are asked for, but the load balancer is in no network",
        "Attach it; HCLOUD_NETWORK of the cloud controller must name the nodes' network.",
    ),
    Signature(
        "server_not_attached_to_network",
        "a node is not in the private network",
        "Attach the server: hcloud server attach-to-network.",
    ),
    Signature(
        "targets_without_use_private_ip",
        "the public side cannot be switched off while targets use public addresses",
        "Set use-private-ip to true first.",
        "use-private-ip",
    ),
    Signature("missing_ipv4", "a node has no public IPv4", "Set use-private-ip to true.", "use-private-ip"),
    Signature(
        "load_balancer_public_interface_disabled",
        "public targets are asked for, but the public side is off",
        "Set use-private-ip to true, or switch the public interface on.",
        "use-private-ip",
    ),
    Signature("target_already_defined", "a node is already covered by another target", "Remove the hand-made target."),
    Signature("source_port_already_used", "two services want the same listen port", "Remove one of them."),
    Signature(
        "resource_limit_exceeded", "a limit of services, targets or the account is reached", "Take a larger type."
    ),
    Signature("rate_limit_exceeded", "the project's request budget is spent", "Find what else uses the project's API."),
    Signature("token_readonly", "the cloud controller's token may only read", "Give it a read and write token."),
    Signature("unauthorized", "the cloud controller's token is not accepted", "Give it a valid token of this project."),
    Signature("(forbidden", "the cloud controller's token may not do this", "Give it a read and write token."),
    Signature(
        "no domains for managed certificate",
        "the managed certificate names no domain",
        "Set the annotation http-managed-certificate-domains.",
        "http-managed-certificate-domains",
    ),
    Signature(
        "CertificateOps", "a certificate named by annotation does not exist", "Correct the name.", "http-certificates"
    ),
    Signature(
        "does not have one of the the expected prefixes",
        "a node has a foreign providerID, and old cloud controllers stop at it",
        "Upgrade the cloud controller, or give the node its providerID.",
    ),
    Signature(
        "missing prefix hcloud://",
        "a node has no or a foreign providerID, and old cloud controllers stop at it",
        "Upgrade the cloud controller, or run the kubelet with --cloud-provider=external.",
    ),
    Signature("providerID is missing a serverID", "a node has a malformed providerID", "Register the node anew."),
    Signature("unable to parse server id", "a node has a malformed providerID", "Register the node anew."),
    Signature("failed to get list of dedicated servers", "the Robot API does not answer", "Check its credentials."),
    Signature("rate limit exceeded, next try at", "the Robot API's budget is spent", "Wait until the time it names."),
    Signature(
        "failed to check if load balancer exists before cleanup",
        "the Service cannot be deleted, because the load balancer cannot be looked up",
        "Repair the cloud controller's access to the API; the finalizer then goes by itself.",
    ),
    Signature("Client.Timeout exceeded", "the cloud controller does not reach Hetzner's API", "Check DNS and egress."),
    Signature(
        "context deadline exceeded", "Hetzner's API does not answer in time", "Check DNS and egress; it retries."
    ),
    Signature("(locked", "another action holds the load balancer", "Wait; the cloud controller retries."),
    Signature("(conflict", "another action changes the load balancer", "Wait; the cloud controller retries."),
    Signature("UnsupportedProtocolConfigured", "a port that is not TCP is left out", "Hetzner balances TCP only."),
    Signature("InternalIPNotConfigured", "a Robot node has no InternalIP and is left out", "Set its --node-ip."),
    Signature("LoadBalancerTypeDeprecated", "the load balancer type will be withdrawn", "Change its type.", "type"),
    Signature("LoadBalancerTypeUnconfigured", "no load balancer type is named", "Set the annotation type.", "type"),
    Signature("DeleteLoadBalancerFailed", "the load balancer cannot be deleted", "Read the controller's log."),
)


def explain(text: str) -> Signature | None:
    """Return the first signature that occurs in an event's reason and message."""
    return next((item for item in SIGNATURES if item.text in text), None)
