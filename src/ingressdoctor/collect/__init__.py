"""Collectors: read sources, return typed evidence. Each has a pure parser beside it."""
