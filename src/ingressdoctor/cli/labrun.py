"""Start an environment of the lab and use it: what ``lab`` and ``demo`` share."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingressdoctor.cli.interrupts import refuse_if_interrupted
from ingressdoctor.cli.options import LabChoice, Output, RunChoice
from ingressdoctor.cli.output import tell, write
from ingressdoctor.cli.settings import settings_for_lab
from ingressdoctor.errors import UsageError
from ingressdoctor.lab import World, apply_fault, load_fault, load_world, made_ready
from ingressdoctor.lab.lab import running
from ingressdoctor.model.target import Target

__all__ = ["Broken", "broken_world", "diagnose_in_lab", "stay_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A world with its faults applied, what it is about, and for whose address allow lists are judged."""

    world: World
    host: str
    client_ip: str = ""


_PLAIN = LabChoice()


def broken_world(name: str, faults: tuple[str, ...]) -> Broken:
    """Load a world and apply faults in the order given.

    Raises:
        LabError: there is no such world or fault; the nearest are named.
    """
    world = load_world(name)
    host, client_ip = str(world.settings["host"]), ""
    for fault in (load_fault(name, fault) for fault in faults):
        world, host, client_ip = apply_fault(world, fault), fault.host, fault.client_ip
    return Broken(world=world, host=host, client_ip=client_ip)


def diagnose_in_lab(broken: Broken, host: str, run: RunChoice, output: Output, choice: LabChoice = _PLAIN) -> int:
    """Start the world, diagnose *host* (default: what it is about), stop it, and return the exit code."""
    asked = host or broken.host
    target, folders = Target.parse(asked, client_ip="" if host else broken.client_ip), _folders(choice)
    # Loaded only now, so that a mistyped fault is told without waiting for it.
    from ingressdoctor.cli.running import Request, run_request

    with running(made_ready(broken.world, asked), latency_s=choice.latency) as lab:
        environ = {**os.environ, **lab.handout.environment}
        settings = settings_for_lab(lab.handout.config, run, folders)
        return run_request(Request(target=target, settings=settings, run=run, output=output, environ=environ))


def stay_up(broken: Broken, choice: LabChoice) -> None:
    """Start the world, print how to use it, and wait for Ctrl-C or SIGTERM.

    Raises:
        UsageError: a folder of checks does not exist.
    """
    folders = _folders(choice)
    refuse_if_interrupted()
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running(made_ready(broken.world, broken.host), latency_s=choice.latency) as lab:
            if folders:
                with lab.handout.config.open("a", encoding="utf-8") as config:
                    config.write(f"[plugins]\nfolders = {json.dumps(folders)}\n")  # a JSON list of strings is TOML too
            for_whom = f" --client-ip {broken.client_ip}" if broken.client_ip else ""
            write(_exports(lab.handout.environment) + f"# then: ingressdoctor {broken.host}{for_whom}\n")
            tell(f"{broken.world.name} is up. Paste the lines above into a second terminal; Ctrl-C stops it.")
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _folders(choice: LabChoice) -> list[str]:
    paths = {folder: Path(folder).absolute() for folder in choice.checks or ()}
    for folder, path in paths.items():
        if not path.is_dir():
            raise UsageError(f"--checks names {folder!r}, which is no folder.", hint="For example --checks ./my-checks")
    return [str(path) for path in paths.values()]


def _exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
