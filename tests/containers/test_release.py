"""What a release is made with: licenses, the SBOM, the reading of an image, the check of health."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from deploy.release import licenses, oci_archive, sbom, source
from tests.support.ground.repository import DEPLOY, REPOSITORY

pytestmark = pytest.mark.static

COMMIT = source.Commit("c" * 40, 1_800_000_000, "9.9.9", "d" * 64)


# -- Licenses


def test_every_package_of_a_server_has_a_license_of_the_list_and_the_table_says_which() -> None:
    packages = licenses.read_lock()
    names = {one.pin.name for one in packages}
    assert {"django", "psycopg2-binary", "twilio", "hvac"} <= names
    assert "colorama" not in names, "of another system"
    assert licenses.TABLE.read_text() == licenses.table(packages), "make sbom"


def said(**fields: Any) -> Any:
    head = Message()
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            head[name.replace("_", "-")] = value
    return cast(Any, head)


@pytest.mark.parametrize(
    ("fields", "means"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, "MIT OR Apache-2.0"),
        ({"License": "MIT"}, "MIT"),
        (
            {"License": "Copyright (c) by all\nRedistribution …", "Classifier": "License :: MIT"},
            "MIT",
        ),
    ],
)
def test_a_license_is_read_where_it_is_said_in_spdx(fields: dict[str, Any], means: str) -> None:
    assert licenses.license_of("sample", said(**fields), {}) == means


@pytest.mark.parametrize(
    "fields", [{}, {"License": "BSD"}, {"Classifier": ["License :: OSI Approved :: BSD License"]}]
)
def test_a_license_that_is_not_clear_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sample says"):
        licenses.license_of("sample", said(**fields), {})


def test_what_a_person_read_ends_when_the_package_says_something_else() -> None:
    read = {"sample": {"says": "BSD", "means": "BSD-3-Clause"}}
    assert licenses.license_of("sample", said(License="BSD"), read) == "BSD-3-Clause"
    with pytest.raises(ValueError, match="says 'GPL' now"):
        licenses.license_of("sample", said(License="GPL"), read)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
    ],
)
def test_one_choice_has_to_be_on_the_list(expression: str, allowed: bool) -> None:
    assert licenses.is_allowed(expression, ["MIT", "Apache-2.0"]) is allowed


def test_a_package_that_is_not_the_locked_one_is_refused_by_name() -> None:
    lock = (DEPLOY / "requirements.lock").read_text()
    lock = lock.replace("django==", "django==1!", 1) + "not-installed-anywhere==1.0 \\\n"
    with pytest.raises(source.Refused) as refused:
        licenses.read_lock(lock)
    assert "django is " in str(refused.value)
    assert "not-installed-anywhere is not installed" in str(refused.value)


# -- The SBOM


@pytest.mark.whole
def test_the_sbom_lists_the_lock_file_and_is_the_same_each_time() -> None:
    packages = licenses.read_lock()
    text = sbom.of_lock(COMMIT, packages)
    assert text == sbom.of_lock(COMMIT, packages)
    assert JsonStrictValidator(sbom.FORMAT).validate_str(text) is None
    found = json.loads(text)
    assert found["metadata"]["component"]["version"] == "9.9.9"
    by_name = {one["name"]: one for one in found["components"]}
    assert set(by_name) == {one.pin.name for one in packages}
    django = by_name["django"]
    assert django["purl"].startswith("pkg:pypi/django@5.2.")
    (files,) = [one for one in django["externalReferences"] if one["type"] == "distribution"]
    pinned = next(one.pin for one in packages if one.pin.name == "django")
    assert {one["content"] for one in files["hashes"]} == set(pinned.hashes)
    needs = {one["ref"].split("@")[0]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert any(one.startswith("pkg:pypi/sqlparse@") for one in needs["pkg:pypi/django"])


# -- An image


def layer(**files: str | None) -> bytes:
    """A packed layer; None for a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            member.size = len(text or "")
            archive.addfile(member, io.BytesIO((text or "").encode()))
    return packed.getvalue()


def archive(path: Path, layers: list[bytes], spoil: bool = False, env: str = "A=b") -> Path:
    """An OCI archive of these layers."""
    blobs: dict[str, bytes] = {}

    def put(content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        blobs[name] = content
        return f"sha256:{name}"

    described = [{"digest": put(one), "size": len(one)} for one in layers]
    ids = [f"sha256:{number:064}" for number, _ in enumerate(layers)]
    config = {"config": {"Env": [env]}, "rootfs": {"diff_ids": ids}}
    manifest = {"config": {"digest": put(json.dumps(config).encode())}, "layers": described}
    top = put(json.dumps(manifest).encode())
    if spoil:
        blobs[top.removeprefix("sha256:")] += b" "
    with tarfile.open(path, "w") as out:
        named = {f"blobs/sha256/{name}": content for name, content in blobs.items()}
        named["index.json"] = json.dumps({"manifests": [{"digest": top}]}).encode()
        for name, content in named.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def test_an_image_is_read_as_its_layers_lie_on_each_other(tmp_path: Path) -> None:
    first = layer(**{"a": None, "a/one": "1", "a/two": "22", "b/three": "333", "c/four": "4444"})
    second = layer(**{"a/.wh.one": "", "b/.wh..wh..opq": "", "b/new": "n", "a/two": "changed"})
    third = layer(**{".wh.c": ""})
    image = oci_archive.read(archive(tmp_path / "image.tar", [first, second, third]))
    assert image.files(lambda path: True) == {"a/two": b"changed", "b/new": b"n"}
    assert image.files(lambda path: path.startswith("b")) == {"b/new": b"n"}
    assert [size for _, size in image.layers] == [10, 8, 0]


def test_an_image_that_was_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not that"):
        oci_archive.read(archive(tmp_path / "image.tar", [layer(a="1")], spoil=True))


@pytest.mark.whole
def test_the_sbom_of_an_image_is_of_what_is_in_it(tmp_path: Path) -> None:
    lock = (DEPLOY / "requirements.lock").read_text()
    there = {
        f"opt/cairn/lib/python3.13/site-packages/{one.name}.dist-info/METADATA": (
            f"Name: {one.name}\nVersion: {one.version}\n\n"
        )
        for one in source.pins(lock)
        if licenses.on_a_server(one)
    }
    status = (
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    there |= {"var/lib/dpkg/status": status, "etc/os-release": 'VERSION_CODENAME="trixie"\n'}
    env = "PYTHON_VERSION=3.13.9"
    image = oci_archive.read(archive(tmp_path / "image.tar", [layer(**there)], env=env))
    known = {one["purl"] for one in json.loads(sbom.of_image(COMMIT, image, lock))["components"]}
    assert "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie" in known
    assert "pkg:generic/python@3.13.9" in known
    assert not any("gone" in one for one in known)
    one_less = dict(list(there.items())[1:])
    other = oci_archive.read(archive(tmp_path / "other.tar", [layer(**one_less)]))
    with pytest.raises(source.Refused, match=source.pins(lock)[0].name):
        sbom.of_image(COMMIT, other, lock)


# -- The check of health in a container


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything so; yields its port and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']} {self.path}")
            self.send_response(status)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def health(port: int) -> int:
    given = {"CAIRN_BIND": f"0.0.0.0:{port}", "CAIRN_BASE_URL": "https://cairn.example.org"}
    words = [sys.executable, "deploy/ask_health.py", "ready"]
    return subprocess.run(words, cwd=REPOSITORY, env=given, check=False).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_a_container_is_well_if_its_process_answers_so(status: int, code: int) -> None:
    with answering(status) as (port, asked):
        assert health(port) == code
        assert asked == ["cairn.example.org /health/ready"]


def test_a_container_whose_process_is_gone_is_not_well() -> None:
    with answering(200) as (port, _):
        pass
    assert health(port) == 1


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "web:8000"])
def test_probes_need_no_name(client: Any, host: str) -> None:
    """Kubernetes asks a pod by its address; the other checks: tests/slow/test_image.py."""
    assert client.get("/health/live", headers={"host": host}).status_code == 200
