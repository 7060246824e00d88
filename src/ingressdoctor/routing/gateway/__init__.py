"""Gateway API by its specification: which listener a route attaches to, which rule takes a request. Pure."""
