"""Reduce the settings to what the sources need. Opens nothing and fetches no secret."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ingressdoctor.config import Settings
from ingressdoctor.config.settings import NO_SERVICE_TOKEN
from ingressdoctor.sources.live import SourceSettings
from ingressdoctor.sources.maxscale import RestSettings

__all__ = ["source_settings"]


def source_settings(settings: Settings, environ: Mapping[str, str] | None = None) -> SourceSettings:
    """Reduce the settings to what the sources need."""
    access, mxs = settings.cloudflare.access, settings.maxscale
    # Nobody has to have a service token: where none is looked for on purpose, its absence is no gap.
    wanted = access != NO_SERVICE_TOKEN or access.state(environ) != "not set"
    return SourceSettings(
        kubeconfig=settings.kubernetes.kubeconfig,
        context=settings.kubernetes.context,
        kube_timeout_s=settings.kubernetes.timeout_s,
        hetzner_token=partial(settings.hetzner.token.resolve, environ),
        hetzner_endpoint=settings.hetzner.endpoint,
        cloudflare_token=partial(settings.cloudflare.token.resolve, environ),
        cloudflare_endpoint=settings.cloudflare.endpoint,
        access_client_id=partial(access.client_id.resolve, environ) if wanted else None,
        access_client_secret=partial(access.client_secret.resolve, environ) if wanted else None,
        access_hosts=access.hosts,
        sql_password=settings.sql.password.optional(environ),
        maxscale=RestSettings(url=mxs.url, user=mxs.user, password=mxs.password.optional(environ), ca_file=mxs.ca_file),
        resolvers=settings.dns.resolvers,
        authoritative=settings.dns.authoritative,
        ca_file=settings.http.ca_file,
        connect_to=settings.http.connect_to,
        anchors=settings.online.probe,
        timeout_s=settings.http.timeout_s,
    )
