"""Tell people and machines that an incident began, changed or ended; never holds up a sweep."""

from ingressdoctor.notify.notifier import Notifier, send_trial
from ingressdoctor.notify.pace import Pace
from ingressdoctor.notify.sent import MemorySentLog, SentLog

__all__ = ("MemorySentLog", "Notifier", "Pace", "SentLog", "send_trial")
