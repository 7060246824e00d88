"""The command line: one module per command, shared options once, exit codes in one place. Judges nothing."""
