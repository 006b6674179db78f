"""nginx.conf in front of the real process: what nginx answers itself is of the documented shape.

It skips, in words, where there is no nginx on the machine.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.live_server import Server
from tests.support.repository import DEPLOY

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def certify(folder: Path) -> Path:
    """A certificate of localhost's own, and its key, under the names that nginx.conf has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    paper = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "fullchain.pem").write_bytes(paper.public_bytes(pem))
    return folder / "fullchain.pem"


def ours(folder: Path, server: Server, port: int) -> str:
    """nginx.conf as it is, but for where things are on this machine."""
    text = (DEPLOY / "nginx.conf").read_text()
    (folder / "mime.types").write_text("types { text/html html; }")
    # Its ways for bodies and answers on disk are made in Debian's folders otherwise.
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    disk = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    for here, there in (
        ("/var/run/nginx.pid", f"{folder}/nginx.pid"),
        ("/etc/nginx/mime.types", f"{folder}/mime.types"),
        ("/etc/nginx/cairn", str(DEPLOY)),
        ("/etc/nginx/tls", str(folder)),
        ("server web:8000;", f"server {server.base_url.removeprefix('http://')};"),
        ("cairn.example.org", "localhost"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http {", f"http {{\n{disk}"),
        ("worker_processes auto;", "worker_processes 1;" + " user root;" * (os.geteuid() == 0)),
    ):
        assert here in text, here
        text = text.replace(here, there)
    return text


@pytest.fixture
def front(server: Server, tmp_path: Path) -> Iterator[requests.Session]:
    """Asks nginx, whose limits are fresh; addresses begin with `front.base`."""
    port = free_port()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(certify(tmp_path))
        session.base = f"https://localhost:{port}"  # type: ignore[attr-defined]
        conf = tmp_path / "nginx.conf"
        conf.write_text(ours(tmp_path, server, port))
        command = [str(NGINX), "-e", "stderr", "-p", str(tmp_path), "-c", str(conf)]
        subprocess.run([*command, "-t"], check=True)
        process = subprocess.Popen([*command, "-g", "daemon off;"])
        try:
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield session
        finally:
            process.terminate()
            process.wait(20)


def is_problem(answer: requests.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    assert "X-Request-Id" not in answer.headers, "of nginx, not of ours"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1/referrals", JSON), ("/v1/directory/services", JSON), ("/oauth/token", FORM)],
)
def test_what_is_too_large_for_nginx_is_a_problem_document(front, path, headers):
    answer = front.post(front.base + path, b"a" * 300_000, headers=headers, timeout=30)
    is_problem(answer, 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/directory/profile", "/oauth/token"])
def test_too_many_requests_are_a_problem_document_that_says_how_long(front, path):
    ask = front.post if "token" in path else front.get
    for _ in range(400):
        answer = ask(front.base + path, timeout=30)
        if answer.status_code == 429:
            break
    is_problem(answer, 429, "too_many")
    assert int(answer.headers["Retry-After"]) > 0


def test_too_many_requests_for_a_page_say_whom_to_ring(front):
    for _ in range(400):
        answer = front.get(f"{front.base}/directory/guide", timeout=30)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert "1-800-799-7233" in answer.text
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"


def test_what_cairn_answers_itself_goes_through_as_it_is(front):
    refused = front.post(f"{front.base}/v1/referrals", json={}, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["X-Request-Id"]
