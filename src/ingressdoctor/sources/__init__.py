"""Raw I/O, one module per outside system, and nothing else. The only layer that opens sockets."""
