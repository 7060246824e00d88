"""A small Traefik of the lab's own: static configuration, Kubernetes providers, rules, TLS, proxy, logs.

Written apart from the product's routing model on purpose: if both shared code, a mistake would cancel out.
"""
