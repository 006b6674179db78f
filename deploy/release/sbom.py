"""`make sbom`: what a release consists of, as CycloneDX JSON, and under which licenses.

It writes var/sbom/cairn-<version>.cdx.json from deploy/requirements.lock, and deploy/licenses.md.
The SBOM of an image is made when the image is (deploy/release/image.py): it lists what is in it,
Debian's packages too. The same commit gives the same file.
"""

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from deploy.release import licenses
from deploy.release.licenses import Package
from deploy.release.oci_archive import Image
from deploy.release.source import LOCK, REPOSITORY, Commit, Refused, checked_out

MAKES = REPOSITORY / "var" / "sbom"
FORMAT = SchemaVersion.V1_6
DISTRIBUTIONS = re.compile(r"opt/cairn/lib/python3\.\d+/site-packages/[^/]+\.dist-info/METADATA")
DEBIAN = re.compile(r"var/lib/dpkg/status(\.d/[^/]+)?")
OS_RELEASE = ("etc/os-release", "usr/lib/os-release")


def of_lock(commit: Commit, packages: Iterable[Package]) -> str:
    """Return the SBOM of what the lock file installs on a server, as JSON."""
    bom = _begun(commit, ComponentType.APPLICATION)
    _add_python(bom, packages)
    return _written(bom)


def of_image(commit: Commit, image: Image, lock: str) -> str:
    """Return the SBOM of what is in an image, as JSON.

    Raises Refused if its Python packages are not those of the lock file, in their versions.
    """
    wanted = image.files(
        lambda path: bool(
            DISTRIBUTIONS.fullmatch(path) or DEBIAN.fullmatch(path) or path in OS_RELEASE
        )
    )
    packages = licenses.read_lock(lock)
    pinned = {one.pin.name: one.pin.version for one in packages}
    heads = (message_from_bytes(text) for path, text in wanted.items() if "dist-info" in path)
    there = {re.sub(r"[-_.]+", "-", one["Name"]).lower(): one["Version"] for one in heads}
    if there != pinned:
        differ = sorted(dict(there.items() ^ pinned.items()))
        raise Refused(f"The image does not hold what {LOCK} says: {', '.join(differ)}")
    bom = _begun(commit, ComponentType.CONTAINER, image)
    _add_python(bom, packages)
    release = next((wanted[path].decode() for path in OS_RELEASE if path in wanted), "")
    for component in _debian(wanted, release):
        bom.components.add(component)
    if python := dict(one.split("=", 1) for one in image.config["config"]["Env"]).get(
        "PYTHON_VERSION"
    ):  # python.org's images compile it: no package of Debian's
        purl = PackageURL("generic", None, "python", python)
        bom.components.add(_component("python", python, purl))
    return _written(bom)


def _begun(commit: Commit, kind: ComponentType, image: Image | None = None) -> Bom:
    bom = Bom()
    bom.metadata.timestamp = datetime.fromtimestamp(commit.seconds, UTC)
    about = f"cairn@{commit.version}#{commit.name}{image.digest if image else ''}"
    bom.serial_number = uuid5(NAMESPACE_URL, about)
    cairn = Component(
        type=kind,
        name="cairn",
        version=commit.version,
        bom_ref="cairn",
        purl=PackageURL("generic", None, "cairn", commit.version, {"vcs_ref": commit.name}),
        licenses=[LicenseExpression("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=image.digest.removeprefix("sha256:"))]
        if image
        else None,
    )
    bom.metadata.component = cairn
    return bom


def _component(name: str, version: str, purl: PackageURL) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=purl.to_string(),
    )


def _add_python(bom: Bom, packages: Iterable[Package]) -> None:
    packages = list(packages)
    made = {}
    for one in packages:
        name, version = one.pin.name, one.pin.version
        made[name] = component = _component(name, version, PackageURL("pypi", None, name, version))
        component.licenses.add(LicenseExpression(one.license))
        component.external_references.add(
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(f"https://pypi.org/project/{name}/{version}/"),
                comment="the files that the lock file admits",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=h) for h in one.pin.hashes],
            )
        )
        if one.homepage:
            component.external_references.add(
                ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(one.homepage))
            )
        bom.components.add(component)
    for one in packages:
        bom.register_dependency(made[one.pin.name], [made[n] for n in one.needs if n in made])
    assert bom.metadata.component
    bom.register_dependency(bom.metadata.component, made.values())


def _debian(wanted: dict[str, bytes], release: str) -> Iterable[Component]:
    told = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release, re.MULTILINE))
    at = {"distro": told["VERSION_CODENAME"]} if "VERSION_CODENAME" in told else {}
    for path in sorted(wanted):
        if DEBIAN.fullmatch(path):
            for entry in wanted[path].decode().split("\n\n"):
                head = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", entry, re.MULTILINE))
                if "Package" in head and head.get("Status", "ok installed").endswith("installed"):
                    name, version = head["Package"], head["Version"]
                    more = {"arch": head["Architecture"], **at}
                    yield _component(
                        name, version, PackageURL("deb", "debian", name, version, more)
                    )


def _written(bom: Bom) -> str:
    text = make_outputter(bom, OutputFormat.JSON, FORMAT).output_as_string(indent=2) + "\n"
    if wrong := JsonStrictValidator(FORMAT).validate_str(text):
        raise Refused(f"The SBOM is not CycloneDX: {wrong}")
    return text


def write(folder: Path) -> Path:
    """Write the SBOM and deploy/licenses.md. Returns the SBOM's path; raises Refused."""
    packages, commit = licenses.read_lock(), checked_out()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"cairn-{commit.version}.cdx.json"
    path.write_text(of_lock(commit, packages))
    licenses.TABLE.write_text(licenses.table(packages))
    return path


if __name__ == "__main__":
    try:
        print(write(MAKES))
    except Refused as refused:
        sys.exit(str(refused))
