"""A small ingress-nginx of the lab's own: classes, servers and locations, certificates, proxy, pages, logs.

Written apart from the product's models on purpose: if both shared code, a mistake would cancel out. Not simulated:
authentication, rate limits, mirroring, session affinity, snippets' contents, FCGI and TLS passthrough.
"""
