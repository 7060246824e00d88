"""Typed, immutable values that collectors make and checks judge. Pure: they know no source and judge nothing."""
