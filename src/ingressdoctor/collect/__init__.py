"""Collectors: read sources, return typed evidence. Each has a pure parser beside it.

They open no socket themselves, judge nothing, and what they may not look at is Unavailable, never absent.
"""
