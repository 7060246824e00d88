"""Spread a sweep over processes and machines; every worker opens a session of its own."""
