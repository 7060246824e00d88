"""The lab: complete simulated environments, served over real protocols on loopback.

    world = apply_fault(load_world("wecare"), load_fault("wecare", "route-deleted"))
    with running(world) as lab:
        subprocess.run([...], env=os.environ | lab.handout.environment)

Importing this package loads DNS, TLS and YAML libraries: command line modules import it inside functions.
"""

from ingressdoctor.lab.faults import Expectation, Fault, apply_fault, load_fault, load_faults, made_ready
from ingressdoctor.lab.handout import Endpoints, Handout
from ingressdoctor.lab.lab import Lab, running
from ingressdoctor.lab.pairs import Pair, load_pairs, with_both
from ingressdoctor.lab.plane import NoPlane, Plane
from ingressdoctor.lab.world import World, list_worlds, load_world

__all__ = (
    "Endpoints",
    "Expectation",
    "Fault",
    "Handout",
    "Lab",
    "NoPlane",
    "Pair",
    "Plane",
    "World",
    "apply_fault",
    "list_worlds",
    "load_fault",
    "load_faults",
    "load_pairs",
    "load_world",
    "made_ready",
    "running",
    "with_both",
)
