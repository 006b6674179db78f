"""nginx as nginx.conf has it, in front of a server on this machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def certify(folder: Path, host: str = "localhost", days: float = 1) -> Path:
    """A certificate of this host's own, and its key, under the names that nginx.conf has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    paper = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "fullchain.pem").write_bytes(paper.public_bytes(pem))
    return folder / "fullchain.pem"


def ours(folder: Path, behind: str, port: int) -> str:
    """nginx.conf as it is, but for where things are on this machine."""
    text = (DEPLOY / "nginx.conf").read_text()
    (folder / "mime.types").write_text("types { text/html html; }")
    # Its ways for bodies and answers on disk are made in Debian's folders otherwise.
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    disk = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    for here, there in (
        ("/var/run/nginx.pid", f"{folder}/nginx.pid"),
        ("/var/log/nginx/", f"{folder}/"),
        ("/etc/nginx/mime.types", f"{folder}/mime.types"),
        ("/etc/nginx/cairn", str(DEPLOY)),
        ("/etc/nginx/tls", str(folder)),
        ("server web:8000;", f"server {behind.removeprefix('http://')};"),
        ("cairn.example.org", "localhost"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http {", f"http {{\n{disk}"),
        ("worker_processes auto;", "worker_processes 1;" + " user root;" * (os.geteuid() == 0)),
    ):
        assert here in text, here
        text = text.replace(here, there)
    return text


@contextmanager
def nginx_before(
    behind: str, folder: Path, output: int | None = None
) -> Iterator[requests.Session]:
    """Asks nginx, whose limits are fresh; addresses begin with `base` of what it yields. `output`:
    the descriptor where it says what it has to say, instead of where the tests do."""
    port = free_port()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(certify(folder))
        session.base = f"https://localhost:{port}"  # type: ignore[attr-defined]
        conf = folder / "nginx.conf"
        conf.write_text(ours(folder, behind, port))
        command = [str(NGINX), "-e", "stderr", "-p", str(folder), "-c", str(conf)]
        subprocess.run([*command, "-t"], check=True, stdout=output, stderr=output)
        process = subprocess.Popen([*command, "-g", "daemon off;"], stdout=output, stderr=output)
        try:
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield session
        finally:
            process.terminate()
            process.wait(20)
