"""What known log lines mean: signatures as data, and the one pass that matches them. No clock, no sockets."""
