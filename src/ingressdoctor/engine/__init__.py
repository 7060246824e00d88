"""Plugins, evidence broker, runner and diagnosis. Knows no DNS, no Traefik, no MySQL."""
