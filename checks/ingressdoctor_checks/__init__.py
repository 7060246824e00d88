"""The built-in walks and checks, found through the entry-point group ``ingressdoctor.plugins``.

A check is pure: no I/O, no clock, and nothing of ours but ``ingressdoctor.api``. It never fails on what was not seen.
"""
