"""Whether the logins that stand beside the APIs' tokens work: the service token of Access, and MaxScale's REST API.

MaxScale is asked at its URL, or in pods, for which forwarding ports must be granted. To try that, a pod is asked that
does not exist, so that no credential is sent anywhere: 404 proves the grant, 403 its absence.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.collect.access_cloudflare import service_token_sights
from ingressdoctor.collect.maxscale_rest import SERVERS, resources_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.access import LoginSights, Sight
from ingressdoctor.evidence.maxscale import ApiPlace, ApiTrouble, MaxScaleState
from ingressdoctor.model.check import collector
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import AccessToken, MaxScale

__all__ = ["maxscale_sight", "survey_logins"]

_SOURCE: Final = "MaxScale's REST API"
_FEEDS: Final = (MaxScaleState,)
_NOWHERE: Final = ApiPlace(namespace="kube-system", pod="ingressdoctor-asks-for-no-pod")
_CONFIGURE: Final = "Set password under [maxscale], or url: docs/configuration.md."
_EVERYWHERE: Final = "403: pods/portforward is not granted in all namespaces; whether in MaxScale's own was not tried"
_GRANT: Final = (
    "Bind the ClusterRole ingressdoctor-hop-probes in MaxScale's namespace (docs/rbac.md), or set [maxscale] url."
)


@collector(wanted="what the configured logins can read")
async def survey_logins(token: AccessToken, maxscale: MaxScale) -> LoginSights:
    """Try the service token and MaxScale's API."""
    return LoginSights(access=await service_token_sights(token), maxscale=(await maxscale_sight(maxscale),))


async def maxscale_sight(api: MaxScale) -> Sight:
    """Try MaxScale's API; where none is configured, that could not be tried."""
    if not api.url and not api.has_login:
        return Sight(
            source=_SOURCE, readable=None, detail="no login is configured", enable_with=_CONFIGURE, feeds=_FEEDS
        )
    try:
        reply = (await api.read(None if api.url else _NOWHERE, (SERVERS,)))[0]
    except SourceError as error:
        return Sight(source=_SOURCE, readable=False, detail=error.message, enable_with=error.hint, feeds=_FEEDS)
    if not api.url and reply.trouble is ApiTrouble.OTHER and " 404 " in reply.detail:
        return Sight(source=_SOURCE, readable=True, detail="ports of pods can be forwarded")
    if reply.status == 200 and resources_of(reply.body) is not None:
        return Sight(source=_SOURCE, readable=True, detail="can be read")
    denied = reply.trouble is ApiTrouble.NOT_GRANTED
    return Sight(
        source=_SOURCE,
        readable=False,
        detail=_EVERYWHERE if denied else clean(reply.detail, 200) or f"the answer is {reply.status}",
        enable_with=_GRANT if denied else "Check url, user, password and ca_file under [maxscale].",
        feeds=_FEEDS,
    )
