"""Typed, immutable values that collectors make and checks judge. Pure."""
