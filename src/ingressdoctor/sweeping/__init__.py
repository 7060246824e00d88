"""Keep watch over many targets: which they are, one sweep over them, what follows from it, and when the next is due."""
