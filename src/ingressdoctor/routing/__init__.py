"""Pure models of how the programs on the path choose: no I/O, no clock. Each is held to its original's behaviour."""
