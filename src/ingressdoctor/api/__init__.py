"""The names that checks, collectors and plugins may import. Everything else may change.

Loads no client library: the protocols of the sources stand here, their implementations do not. The types of the
evidence are listed in the modules beside this one, and exported here with the rest.
"""

from __future__ import annotations

from ingressdoctor.api import evidence, gateway, gitops, maxscale, nginx, nodes, sql, tunnel
from ingressdoctor.api.evidence import *  # noqa: F403 - that module's __all__ is the list
from ingressdoctor.api.gateway import *  # noqa: F403 - as above
from ingressdoctor.api.gitops import *  # noqa: F403 - as above
from ingressdoctor.api.maxscale import *  # noqa: F403 - as above
from ingressdoctor.api.nginx import *  # noqa: F403 - as above
from ingressdoctor.api.nodes import *  # noqa: F403 - as above
from ingressdoctor.api.sql import *  # noqa: F403 - as above
from ingressdoctor.api.tunnel import *  # noqa: F403 - as above
from ingressdoctor.errors import PluginError, SourceError
from ingressdoctor.knowledge.book import book_of
from ingressdoctor.knowledge.signatures import Signature
from ingressdoctor.model.check import Check, Collector, WalkChooser, check, claims, collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import (
    Command,
    Fact,
    Finding,
    Remedy,
    Status,
    changes,
    fail,
    look,
    ok,
    rooted,
    scoped,
    skip,
    unknown,
    warn,
)
from ingressdoctor.model.needs import Seen
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import Secret, clean, redact, shorten
from ingressdoctor.model.timeline import Change, Timeline
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.model.walk import Claim, Step, Walk
from ingressdoctor.routing.addresses import (
    canonical_address,
    in_ranges,
    is_cloudflare,
    is_lan,
    is_originless,
    is_private,
    is_tunnel_placeholder,
)
from ingressdoctor.routing.hetzner_annotations import misnamed_annotations, refused_annotations
from ingressdoctor.routing.lan import dialled_in_lan, lan_name
from ingressdoctor.routing.mysql_accounts import AccountMatch, HostFit, fit_of, match_account
from ingressdoctor.routing.ranges import of_same_family, uncovered
from ingressdoctor.routing.selectors import Difference, differences
from ingressdoctor.routing.service import belongs_in_slices, target_port
from ingressdoctor.sources.base import (
    AccessToken,
    Answer,
    Cloudflare,
    Dns,
    Grpc,
    Hetzner,
    Kubernetes,
    MaxScale,
    Net,
    Sql,
)

__all__ = [
    "AccessToken",
    "AccountMatch",
    "Answer",
    "Change",
    "Check",
    "Claim",
    "Cloudflare",
    "Collector",
    "Command",
    "Difference",
    "Dns",
    "Fact",
    "Finding",
    "Grpc",
    "Hetzner",
    "HostFit",
    "Inapplicable",
    "Kubernetes",
    "MaxScale",
    "Net",
    "PluginError",
    "Protocol",
    "Remedy",
    "Secret",
    "Seen",
    "Signature",
    "SourceError",
    "Sql",
    "Status",
    "Step",
    "Symptom",
    "Target",
    "Timeline",
    "Unavailable",
    "Walk",
    "WalkChooser",
    "as_list",
    "as_map",
    "as_text",
    "belongs_in_slices",
    "book_of",
    "canonical_address",
    "changes",
    "check",
    "claims",
    "clean",
    "collector",
    "dialled_in_lan",
    "differences",
    "fail",
    "fit_of",
    "in_ranges",
    "is_cloudflare",
    "is_lan",
    "is_originless",
    "is_private",
    "is_tunnel_placeholder",
    "lan_name",
    "look",
    "match_account",
    "misnamed_annotations",
    "of_same_family",
    "ok",
    "redact",
    "refused_annotations",
    "rooted",
    "scoped",
    "shorten",
    "skip",
    "target_port",
    "uncovered",
    "unknown",
    "warn",
]
__all__ += evidence.__all__
__all__ += gateway.__all__
__all__ += gitops.__all__
__all__ += maxscale.__all__
__all__ += nginx.__all__
__all__ += nodes.__all__
__all__ += sql.__all__
__all__ += tunnel.__all__
