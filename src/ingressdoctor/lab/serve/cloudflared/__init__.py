"""cloudflared in the lab: what it reads, which rule it takes, and real connections to the services it names.

Written apart from the product's model, from cloudflared's source (github.com/cloudflare/cloudflared).
"""
