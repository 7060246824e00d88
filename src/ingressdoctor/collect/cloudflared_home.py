"""Where a cloudflared has its configuration: which key of which volume is the file that it reads. Pure.

Found by arguments, mounts and volumes, not by names. Source: kubernetes core/v1 (items, subPath, projected volumes);
cloudflared config/configuration.go (default folders and file names, in that order).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingressdoctor.evidence.kube import Container, PodSpec, VolumeMount
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["home_of"]

_FILES: Final = ("config.yml", "config.yaml")
_FOLDERS: Final = (
    "/home/nonroot/.cloudflared",
    "/root/.cloudflared",
    "/home/nonroot/.cloudflare-warp",
    "/home/nonroot/cloudflare-warp",
    "/etc/cloudflared",
    "/usr/local/etc/cloudflared",
)


def home_of(spec: PodSpec, container: Container, config: str, namespace: str, *, by_token: bool) -> ConfigSource:
    """Return where the configuration lives.

    Args:
        spec: The pod, for its volumes.
        container: The one that runs cloudflared, for its mounts.
        config: The path given with ``--config``, empty when none is.
        namespace: Of the pod.
        by_token: It runs on a token, so that without a file its rules come from Cloudflare.
    """
    paths = (config,) if config else tuple(f"{folder}/{name}" for folder in _FOLDERS for name in _FILES)
    for path in paths:
        found = _at(spec, container, posixpath.normpath(path), namespace, certain=bool(config))
        if found is not None:
            return found
    if config:
        return ConfigSource(home=ConfigHome.FILE, ref=f"file {clean(config, 200)} in its image")
    if by_token:
        return ConfigSource(home=ConfigHome.REMOTE, ref="the tunnel's configuration at Cloudflare")
    return ConfigSource(home=ConfigHome.UNKNOWN, ref="")


def _at(spec: PodSpec, container: Container, path: str, namespace: str, *, certain: bool) -> ConfigSource | None:
    for mount in sorted(container.volume_mounts or (), key=lambda item: -len(item.mount_path or "")):
        base = posixpath.normpath(mount.mount_path or "")
        if path != base and not path.startswith(base.rstrip("/") + "/"):
            continue
        inside = _inside(mount, posixpath.relpath(path, base))
        volume = next((item for item in spec.volumes or () if as_map(item).get("name") == mount.name), {})
        return next(_sources(volume, inside, namespace, certain=certain, sub_path=bool(mount.sub_path)), None)
    return None


def _inside(mount: VolumeMount, relative: str) -> str:
    """Return the path within the volume."""
    parts = [part for part in (mount.sub_path or "", "" if relative == "." else relative) if part]
    return posixpath.normpath("/".join(parts)) if parts else ""


def _sources(
    volume: Mapping[str, Any], inside: str, namespace: str, *, certain: bool, sub_path: bool
) -> Iterator[ConfigSource]:
    entries = [volume, *map(as_map, as_list(as_map(volume.get("projected")).get("sources")))]
    for entry in entries:
        for field, home, naming in (
            ("configMap", ConfigHome.CONFIG_MAP, "name"),
            ("secret", ConfigHome.SECRET, "name" if entry is not volume else "secretName"),
        ):
            held = as_map(entry.get(field))
            name = as_text(held.get(naming))
            key = _key(as_list(held.get("items")), inside)
            if not name or not key or ("/" in key and not certain):
                continue
            ref = f"{home.value} {clean(namespace, 63)}/{clean(name, 253)}, key {clean(key, 100)}"
            yield ConfigSource(home=home, ref=ref, namespace=namespace, name=name, key=key, sub_path=sub_path)
    if certain and any(key not in ("name", "configMap", "secret", "projected") for key in volume):
        kind = next(key for key in volume if key not in ("name", "configMap", "secret", "projected"))
        yield ConfigSource(home=ConfigHome.FILE, ref=f"file {clean(inside, 100)} of a {clean(kind, 40)} volume")


def _key(items: tuple[Any, ...], inside: str) -> str:
    """Return the key whose content stands at a path of the volume; with ``items`` only those are there."""
    if not items:
        return inside
    paths = {as_text(as_map(item).get("path")): as_text(as_map(item).get("key")) for item in items}
    return paths.get(inside, "")
