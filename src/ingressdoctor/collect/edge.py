"""Tell from one HTTP exchange whether Cloudflare's edge answered, and whether it made the answer itself.

Pure. Bodies are hostile: only the first 64 KiB are looked at, every text taken out is short and cleaned, and an error
page is believed only together with the edge's own headers and an error status.

Source: Cloudflare's documentation of error pages, error diagnostic headers, challenges and Access; RFC 9457.
"""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ingressdoctor.evidence.net import HttpExchange
from ingressdoctor.evidence.outside import EdgeError
from ingressdoctor.model.text import clean

__all__ = ["EdgeVerdict", "classify", "wants_second_look"]

_LOOKED_AT: Final = 65_536
_MOST_REFUSAL: Final = 2_048
_ACCESS_DOMAIN: Final = ".cloudflareaccess.com"
_RAY: Final = re.compile(r"[0-9a-f]{16}(-[A-Za-z]{3})?", re.ASCII)
_CODE: Final = re.compile(r"(?<!\d)(\d{3,4})(?!\d)", re.ASCII)
_HTML_CODE: Final = re.compile(r"""class="cf-error-code"[^>]{0,80}>\s*(?:Error\s*)?(\d{3,4})\s*<""", re.ASCII)
_HTML_MARKS: Final = ("cf-error-details", "cf-error-code", 'id="cf-wrapper"', "cf-error-footer")
_TITLE: Final = re.compile(r"<title>([^<]{1,300})</title>", re.IGNORECASE)
_TITLE_CODE: Final = re.compile(r"\|\s*(\d{3,4}):", re.ASCII)
_PLAIN: Final = re.compile(r"\s*error code:\s*(\d{3,4})\s*", re.ASCII)
_MARKDOWN: Final = re.compile(r"\A---\s*\n(?:[^\n]{0,500}\n){0,40}?error_code:\s*(\d{3,4})\s*\n", re.ASCII)
_BARE: Final = re.compile(r"<hr>\s*<center>cloudflare(?:-nginx)?</center>", re.IGNORECASE)
_UNDECIDED: Final = frozenset({403, 409, 429, 530})
# What a bare status means when the page gives no code.
_BY_STATUS: Final = {403: 1020, 429: 1015}


class EdgeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange says about the edge."""

    edge: bool = False
    error: EdgeError | None = None
    challenge: bool = False
    access_login: str = ""


def classify(exchange: HttpExchange) -> EdgeVerdict:
    """Return whether the edge answered, made an error page, demands a challenge or sends to an Access login."""
    if not exchange.status or not _is_edge(exchange):
        return EdgeVerdict()
    if login := _access_login(exchange):
        return EdgeVerdict(edge=True, access_login=login)
    if _is_challenge(exchange):
        return EdgeVerdict(edge=True, challenge=True)
    return EdgeVerdict(edge=True, error=_error(exchange) if exchange.status >= 400 else None)


def wants_second_look(exchange: HttpExchange, verdict: EdgeVerdict) -> bool:
    """Tell whether asking again for JSON could name the edge's error code, which this answer does not."""
    if not verdict.edge or verdict.challenge or verdict.access_login or exchange.status not in _UNDECIDED:
        return False
    # These codes are also what a page without a code counts as.
    vague = {530, *_BY_STATUS.values()}
    return verdict.error is None or (verdict.error.code in vague and verdict.error.form in {"html", "status"})


def _is_edge(exchange: HttpExchange) -> bool:
    server = exchange.header("server").strip().lower()
    return server == "cloudflare" or _RAY.fullmatch(exchange.header("cf-ray").strip()) is not None


def _access_login(exchange: HttpExchange) -> str:
    """Return the login's host for a redirect to it, the application's domain for a refusal by Access, else ""."""
    if 300 <= exchange.status < 400:
        host, path = _host_and_path(exchange.header("location"))
        return clean(host, 253) if host.endswith(_ACCESS_DOMAIN) and path.startswith("/cdn-cgi/access/login") else ""
    if exchange.status not in {401, 403}:
        return ""
    domain = exchange.header("cf-access-domain").strip()
    challenge = exchange.header("www-authenticate").strip().lower()
    named = domain or exchange.header("cf-access-aud").strip()
    asked = challenge.startswith("cloudflare-access") or "cloudflare-access-protected-resource" in challenge
    if not named and not asked and not _is_access_refusal(exchange):
        return ""
    return clean(domain, 253) or "an Access application"


def _is_access_refusal(exchange: HttpExchange) -> bool:
    """Tell whether the body is the JSON by which Access refuses an identity: a message and the audience."""
    if "json" not in exchange.header("content-type").lower() or len(exchange.body) > _MOST_REFUSAL:
        return False
    try:
        data = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and set(data) >= {"message", "aud"} and str(data["message"]).startswith("Forbidden")


def _host_and_path(location: str) -> tuple[str, str]:
    try:
        parts = urlsplit(location.strip())
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""


def _is_challenge(exchange: HttpExchange) -> bool:
    if exchange.header("cf-mitigated").strip().lower() == "challenge":
        return True
    # Pages that pass carry the platform's script too, so the marks count on a refusal only.
    return exchange.status in {403, 429, 503} and b"_cf_chl_opt" in exchange.body[:_LOOKED_AT]


def _error(exchange: HttpExchange) -> EdgeError | None:
    body = exchange.body[:_LOOKED_AT].decode("utf-8", "replace")
    media = exchange.header("content-type").partition(";")[0].strip().lower()
    code, title, form = _from_json(body, media)
    if not form:
        code, title, form = _from_text(body, media)
    # Codes of the header may be exact or a class ("52x"); a page that names one exactly is better.
    marked = exchange.header("cf-error-type").strip()
    if marked:
        code, form = code or _number(marked), form or "header"
    if not form and (520 <= exchange.status <= 527 or exchange.status == 530):
        form = "status"
    if not form:
        return None
    code = code or _BY_STATUS.get(exchange.status, exchange.status)
    ray = exchange.header("cf-ray").strip()
    return EdgeError(
        code=code,
        http_status=exchange.status,
        title=clean(title, 200),
        ray_id=ray if _RAY.fullmatch(ray) else "",
        form=form,
    )


def _from_json(body: str, media: str) -> tuple[int, str, str]:
    if "json" not in media:
        return 0, "", ""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return 0, "", ""
    if not isinstance(data, dict) or data.get("cloudflare_error") is not True:
        return 0, "", ""
    code, title = data.get("error_code"), data.get("title")
    known = code if isinstance(code, int) and not isinstance(code, bool) and 100 <= code <= 9999 else 0
    return known, (title if isinstance(title, str) else ""), "json"


def _from_text(body: str, media: str) -> tuple[int, str, str]:
    if match := _PLAIN.fullmatch(body[:200]):
        return int(match[1]), "", "text"
    if match := _MARKDOWN.match(body[:8192]):
        return int(match[1]), "", "markdown"
    if "html" not in media:
        return 0, "", ""
    found = _TITLE.search(body)
    title = found[1].strip() if found else ""
    if any(mark in body for mark in _HTML_MARKS):
        match = _HTML_CODE.search(body) or _TITLE_CODE.search(title)
        return (int(match[1]) if match else 0), title, "html"
    return (0, title, "html") if _BARE.search(body) else (0, "", "")


def _number(text: str) -> int:
    match = _CODE.search(text[:40])
    return int(match[1]) if match else 0
