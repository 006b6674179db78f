"""Read an image in an OCI archive, without an engine: its digest, its layers, its files."""

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Image:
    """An image of one platform.

    `digest`: SHA-256 of its manifest, by which a registry knows it. `layers`: of each layer the
    SHA-256 of its content, and how many bytes its files have, not packed.
    """

    path: Path
    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: list[tuple[str, int]]

    def files(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """Return path → content of the wanted files, as they are on top of all layers."""
        found: dict[str, bytes] = {}
        for _, _, members in _layers(self.path, self.manifest):
            for member, read in members:
                path = member.name.removeprefix("./").strip("/")
                folder, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    found = _without(found, folder)
                elif name.startswith(".wh."):
                    found = _without(found, f"{folder}/{name[4:]}".strip("/"))
                elif wanted(path):
                    found.pop(path, None)
                    if member.isfile():
                        found[path] = read()
                elif not member.isdir():
                    found = _without(found, path) if path in found else found
        return found

    def names(self) -> set[str]:
        """Return the paths of all files, as they are on top of all layers."""
        return set(self.files(lambda path: True))


def _without(found: dict[str, bytes], gone: str) -> dict[str, bytes]:
    below = f"{gone}/" if gone else ""
    return {
        path: text for path, text in found.items() if path != gone and path[: len(below)] != below
    }


def read(path: Path) -> Image:
    """Read an OCI archive of one image. Raises ValueError if it is none, or if a digest differs."""
    with tarfile.open(path) as archive:
        index = json.loads(_blob(archive, "index.json"))
        if len(index["manifests"]) != 1:
            raise ValueError("The archive does not hold one image.")
        digest = index["manifests"][0]["digest"]
        manifest = json.loads(_blob(archive, digest))
        config = json.loads(_blob(archive, manifest["config"]["digest"]))
    layers = [
        (digest, sum(member.size for member, _ in members))
        for (_, _, members), digest in zip(
            _layers(path, manifest), config["rootfs"]["diff_ids"], strict=True
        )
    ]
    return Image(path, digest, manifest, config, layers)


def _blob(archive: tarfile.TarFile, name: str) -> bytes:
    where = re.sub(r"^sha256:", "blobs/sha256/", name)
    held = archive.extractfile(where)
    if held is None:
        raise ValueError(f"The archive has no {where}.")
    content = held.read()
    if where != name and hashlib.sha256(content).hexdigest() != name.removeprefix("sha256:"):
        raise ValueError(f"What is under {name} is not that.")
    return content


Members = Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]


def _layers(path: Path, manifest: dict[str, Any]) -> Iterator[tuple[str, int, Members]]:
    with tarfile.open(path) as archive:
        for layer in manifest["layers"]:
            where = layer["digest"].replace("sha256:", "blobs/sha256/")
            with tarfile.open(fileobj=archive.extractfile(where)) as content:
                yield layer["digest"], layer["size"], _members(content)


def _members(content: tarfile.TarFile) -> Members:
    for member in content:

        def reading(one: tarfile.TarInfo = member) -> bytes:
            held = content.extractfile(one)
            return held.read() if held else b""

        yield member, reading
