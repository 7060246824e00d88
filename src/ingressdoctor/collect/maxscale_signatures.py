"""Known lines of MaxScale's log: a code for each, and what the line names. Data and patterns only.

Source: MaxScale 23.08 and 24.02 (server/core, server/modules), lines observed on both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

__all__ = ["SIGNATURES", "read_line"]

_IN_QUOTES: Final = r"'(?P<server>[^']{1,100})'"
_SERVER: Final = r"'?(?P<server>[^'\[\s]{1,100})'?"
_AT: Final = r"'(?P<user>[^']{0,100})'@"
SIGNATURES: Final = (
    ("login-refused-behind", rf"Authentication to {_IN_QUOTES} failed: (?P<errno>\d{{3,5}}),?"),
    (
        "monitor-refused",
        rf"Monitor was unable to connect to server {_SERVER}\[[^\]]{{1,200}}\] : '(?P<said>[^\n]{{0,300}})'",
    ),
    ("monitor-grants", rf"Error during monitor permissions test for server {_SERVER}: "),
    ("users-refused", rf"Failed to query server {_IN_QUOTES} for user account info\.(?P<said>[^\n]{{0,300}})"),
    ("users-none", r"No valid servers from which to query MariaDB user accounts found"),
    ("users-old-query", r"Using old user account query due to insufficient privileges"),
    (
        "users-too-soon",
        rf"User accounts have been recently updated, cannot update again for {_AT}'(?P<host>[^']{{0,100}})'",
    ),
    ("host-blocked", r"Host '(?P<host>[^']{1,100})' blocked for \d{1,6} seconds due to too many authentication"),
    ("server-blocks-us", rf"Server {_SERVER} has been put into maintenance mode due to the server blocking"),
    ("plugin-missing", r"Plugin '(?P<plugin>[^']{1,60})' is not loaded"),
    (
        "login-refused",
        rf"Authentication failed for user {_AT}\[(?P<host>[^\]]{{0,100}})\] to service '(?P<service>[^']{{0,100}})'",
    ),
    (
        "no-master",
        r"Could not find a valid master connection|Couldn't find suitable Primary from|for target type TARGET_MASTER",
    ),
    (
        "no-server",
        r"Could not find valid server for|Couldn't find eligible candidate|Failed to create new router session for",
    ),
    ("master-read-only", rf"The current primary server {_IN_QUOTES} is no longer valid because it is in read-only"),
    ("listen-failed", r"Failed to start listening on (?P<said>[^\n]{1,200})"),
    ("proxy-refused", r"[Pp]roxy header is not accepted from (?P<host>[0-9a-fA-F.:]{1,60})"),
    ("odd-packet", r"sent packet with unexpected sequence number\. Expected \d{1,4}, got (?P<got>\d{1,4})"),
    ("locks-lost", r"lost the exclusive lock on a majority of its servers"),
    ("sync-failed", r"Failed to sync configuration|Cannot start configuration change|is ahead of the cluster config"),
    ("api-refused", r"Authentication failed for '(?P<user>[^']{0,100})', using password\. Request: "),
    ("not-writable", r"Failed to create directory '(?P<said>[^']{1,200})': 13"),
)
_LEVELS: Final = {"error": "ERR", "alert": "FTL", "warning": "WRN", "notice": "INF", "info": "INF", "debug": "DBG"}
_HEAD: Final = re.compile(
    r"(?P<when>\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?)\s{1,10}(?P<level>[a-z]{3,10})\s{0,6}:"
)


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile them where there is a log: most runs see none of MaxScale's."""
    return tuple((code, re.compile(pattern)) for code, pattern in SIGNATURES)


def read_line(line: str) -> tuple[str, str, str, Mapping[str, str]]:
    """Return (when, level, code, what it names) of one line; an unknown one has the code empty."""
    head = _HEAD.match(line)
    when = head.group("when") if head else ""
    level = _LEVELS.get(head.group("level"), "INF") if head else "INF"
    for code, pattern in _compiled():
        if match := pattern.search(line):
            return when, level, code, {key: value for key, value in match.groupdict().items() if value}
    return when, level, "", {}
