"""`make image`: build the image of the commit that is checked out, and say what is in it.

By buildah where it is, else by docker (buildx). It writes to var/image/: the image as an OCI
archive (`docker load`, `podman load`, `skopeo copy`), its SBOM and its provenance. The same commit
on the same base gives the same digest, by the same version of the same builder.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.release import oci_archive, provenance, sbom
from deploy.release.source import REPOSITORY, Commit, Refused, checked_out, not_committed, program

BASE = "docker.io/library/python:3.13-slim-trixie"
MAKES = REPOSITORY / "var" / "image"


@dataclass
class Build:
    """What is built, from which base, and where it goes. `storage`: buildah's own options."""

    commit: Commit
    base: str
    archive: Path
    storage: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return f"cairn:{self.commit.version}"

    def arguments(self) -> list[str]:
        given = {"BASE": self.base, "VERSION": self.commit.version, "REVISION": self.commit.name}
        pairs = (f"--build-arg={name}={value}" for name, value in given.items())
        return ["--file=deploy/Dockerfile", *pairs]


def by_buildah(build: Build, context: Path) -> str:
    """Build without an engine and without rights of its own. Returns the builder's version."""
    buildah = [program("buildah"), *build.storage]
    # A build may raise no limit of its own machine's, as buildah's defaults would.
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(limit)[1] for name, limit in limits.items()}
    ulimits = [f"--ulimit={name}={most}:{most}" for name, most in hard.items()]
    seconds = str(build.commit.seconds)
    _run(
        [
            *(*buildah, "build", "--isolation=chroot", "--format=oci", "--no-cache"),
            *(*ulimits, f"--timestamp={seconds}", f"--tag={build.tag}", *build.arguments()),
            str(context),
        ],
        context,
    )
    _run([*buildah, "push", build.tag, f"oci-archive:{build.archive}:{build.tag}"], context)
    return _said([*buildah, "--version"])


def by_docker(build: Build, context: Path) -> str:
    """Build by BuildKit. Returns the builder's version."""
    docker = program("docker")
    out = f"type=oci,dest={build.archive},name={build.tag},rewrite-timestamp=true"
    seconds = f"--build-arg=SOURCE_DATE_EPOCH={build.commit.seconds}"
    plain = ("--no-cache", "--provenance=false", "--sbom=false")  # ours are written next to it
    words = [docker, "buildx", "build", *plain, f"--output={out}", seconds, *build.arguments()]
    _run([*words, str(context)], context)
    _run([docker, "load", "--input", str(build.archive)], context)
    return _said([docker, "buildx", "version"])


def make(
    base: str, folder: Path, storage: tuple[str, ...] = (), commit: Commit | None = None
) -> oci_archive.Image:
    """Build a commit (that which is checked out), and write the archive, SBOM and provenance to
    `folder`. Twice is safe.

    Raises Refused where there is no builder or no commit, or where the build fails.
    """
    commit, began = commit or checked_out(), datetime.now(UTC)
    if changed := not_committed():
        print(f"Not committed, so not in the image: {', '.join(changed[:5])}", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    named = folder / f"cairn-{commit.version}"
    with tempfile.TemporaryDirectory(dir=folder) as work:
        context, archive = Path(work) / "context", Path(work) / "image.tar"
        commit.write_to(context)
        build = Build(commit, base, archive, storage)
        builder = by_buildah if shutil.which("buildah") else by_docker
        version = builder(build, context)
        image = oci_archive.read(archive)
        parts = sbom.of_image(commit, image, (context / "deploy/requirements.lock").read_text())
        sbom_file = Path(f"{named}.cdx.json")
        sbom_file.write_text(parts)
        statement = provenance.statement(
            commit, image, version, base, (began, datetime.now(UTC)), sbom_file
        )
        Path(f"{named}.intoto.json").write_text(statement)
        os.replace(archive, f"{named}.oci.tar")
    image.path = Path(f"{named}.oci.tar")
    return image


def _run(command: list[str], context: Path) -> None:
    done = subprocess.run(command, cwd=context, check=False)
    if done.returncode:
        raise Refused(f"{Path(command[0]).name} ended with {done.returncode}: see above.")


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Build the image, and print where it is and its digest."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--base", default=BASE, help="an image with Python and pip (%(default)s)")
    words.add_argument("--to", type=Path, default=MAKES, help="the folder for what is made")
    given = words.parse_args()
    try:
        image = make(given.base, given.to)
    except Refused as refused:
        sys.exit(str(refused))
    print(f"{image.path}\n{image.digest}")


if __name__ == "__main__":
    main()
