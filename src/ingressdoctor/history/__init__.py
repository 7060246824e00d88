"""What sweeps remember: results, incidents and what was different when a target last worked.

Loads SQLAlchemy and Alembic: import it only where a history is opened.
"""

from ingressdoctor.history.excused import excused
from ingressdoctor.history.store import History, open_history
from ingressdoctor.history.trouble import Trouble

__all__ = ("History", "Trouble", "excused", "open_history")
