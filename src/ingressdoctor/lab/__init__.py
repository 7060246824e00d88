"""The lab: complete simulated environments, served over real protocols on loopback."""

from ingressdoctor.lab.world import World, list_worlds, load_world

__all__ = ("World", "list_worlds", "load_world")
