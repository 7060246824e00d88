"""The lab: complete simulated environments, served over real protocols on loopback."""

from ingressdoctor.lab.faults import Expectation, Fault, apply_fault, load_fault, load_faults
from ingressdoctor.lab.world import World, list_worlds, load_world

__all__ = (
    "Expectation",
    "Fault",
    "World",
    "apply_fault",
    "list_worlds",
    "load_fault",
    "load_faults",
    "load_world",
)
