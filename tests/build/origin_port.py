"""Where requests arrive at the origin: over https, in SSL mode Flexible, for http:// and for mysql://."""

from __future__ import annotations

from ingressdoctor.api import OriginPort

BY_HTTPS = OriginPort(number=443)
BY_HTTP = OriginPort(number=80)
FLEXIBLE = OriginPort(number=80, plain=True)
BY_SQL = OriginPort(number=3306, raw=True)
