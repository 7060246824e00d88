"""The built-in walks and checks, found through the entry-point group ``ingressdoctor.plugins``."""
