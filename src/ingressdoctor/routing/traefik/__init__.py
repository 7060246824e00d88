"""Traefik: which router, rule and Service a request reaches, and what silently dropped the others."""
