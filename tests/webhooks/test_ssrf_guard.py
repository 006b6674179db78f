"""Where a webhook may go (threat TH8): https to public addresses, judged when it is named, when it
is changed and at each sending; nothing else is connected to, and one error says no more than no."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from referrals import worker
from referrals.webhooks import delivery, outbox, ssrf_guard
from referrals.webhooks.ssrf_guard import Connection, NoAnswer, TargetRefused
from tests.support.people.stories import Story
from tests.support.servers.resolvers import PUBLIC, answers
from tests.support.servers.webhook_receiver import Receiver, ok, receivers

LOOPBACK = (
    *("127.1", "127.0.1", "127.0.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0"),
    *("0.0.0.0", "127.255.255.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]"),
    *("localhost", "LOCALHOST", "localhost.", "localhost.localdomain.", "ip6-localhost", "①②⑦.1"),
    *("%6c%6f%63%61%6c%68%6f%73%74", "127。0。0。1", "[::1%25lo]"),
)
ELSEWHERE = (
    *("169.254.169.254", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1"),
    *("172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200", "224.0.0.1", "[ff02::1]"),
    *("255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1", "[2001:db8::1]", "8.8.8.8"),
)
OTHER = (
    "http://receiver.example.org/",
    "ftp://receiver.example.org/",
    "file:///etc/passwd",
    "gopher://receiver.example.org/",
    "//receiver.example.org/",
    "receiver.example.org",
    "",
    "https://",
    "https:///path",
    "https://user@receiver.example.org/",
    "https://user:word@receiver.example.org/",
    "https://receiver.example.org@127.0.0.1/",
    "https://127.0.0.1#@receiver.example.org/",
    "https://receiver.example.org:80/",
    "https://receiver.example.org:22/",
    "https://receiver.example.org:0/",
    "https://receiver.example.org:99999/",
    "https://receiver.example.org:x/",
    "https://receiver.example.org/#part",
    "https://receiver.example.org/a b",
    "https://receiver.example.org/\r\nX-Injected: 1",
    "https://receiver.example.org/\x00",
    "https://receiver.example.org\\@127.0.0.1/",
    "https://receiver_/",
    "https://-receiver.example.org/",
    "https://receiver..org/",
    "https://" + "a" * 64 + ".example.org/",
    "https://receiver.example.org/" + "x" * 500,
)
CORPUS = (*(f"https://{host}/" for host in (*LOOPBACK, *ELSEWHERE)), *OTHER)

# What a name may lead to that is not public, as a resolver says it.
NOT_PUBLIC = (
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.9.9", "192.168.0.9", "169.254.169.254"),
    *("100.64.0.1", "198.18.0.1", "192.0.0.8", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fe80::1%eth0", "fc00::1"),
    *("fd00:ec2::254", "ff02::1", "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b::7f00:1"),
    *("2001:db8::1", "100::1"),
)


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection that the process tries, but to its database; none is made."""
    tried: list[Any] = []

    class Watched(socket.socket):
        def connect(self, address: Any) -> None:
            tried.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(ssrf_guard.socket, "socket", Watched)
    return tried


@pytest.mark.parametrize("url", CORPUS, ids=range(len(CORPUS)))
@pytest.mark.no_database
def test_what_is_no_public_https_address_is_refused_by_its_form(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Whatever the resolver would say of it: it is not asked for one of these spellings."""
    monkeypatch.setattr(socket, "getaddrinfo", answers(PUBLIC[0]))
    with pytest.raises(TargetRefused):
        ssrf_guard.resolve_target(url)


@pytest.mark.no_database
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_to_what_is_not_public_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for led_to in ((address,), (PUBLIC[0], address), (address, PUBLIC[2])):
        monkeypatch.setattr(socket, "getaddrinfo", answers(*led_to))
        with pytest.raises(TargetRefused):
            ssrf_guard.resolve_target("https://receiver.example.org/")


@pytest.mark.no_database
@pytest.mark.parametrize("address", PUBLIC)
def test_a_name_that_leads_to_a_public_address_is_pinned_to_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(address, PUBLIC[1]))
    target = ssrf_guard.resolve_target("https://Receiver.example.org:8443/a/b?c=d")
    assert target == (address, 8443, "receiver.example.org", "/a/b?c=d", True)
    assert target.authority == "receiver.example.org:8443"


def test_one_error_at_create_and_at_change_and_no_connection(
    api: Any, no_connection: list[Any], monkeypatch: pytest.MonkeyPatch, shift_clock: Any
) -> None:
    caller = api("ywca.admin")
    monkeypatch.setattr(socket, "getaddrinfo", answers(PUBLIC[0]))
    made = caller.post("/v1/webhooks", {"url": "https://receiver.example.org/"})
    assert made.status_code == 201
    path, etag = f"/v1/webhooks/{made.json()['id']}", made["ETag"]
    said = set()
    for url in CORPUS:
        for answer in (
            caller.post("/v1/webhooks", {"url": url}),
            caller.patch(path, {"url": url}, If_Match=etag),
        ):
            assert answer.status_code == 400, url
            # One that is no line of text is refused as such, before it is judged as an address.
            if len(url.encode()) <= ssrf_guard.MAX_URL and url.strip() and url.isprintable():
                said.add((answer.json()["code"], answer.json()["detail"], answer.json()["pointer"]))
    for number, address in enumerate(NOT_PUBLIC):
        shift_clock(f"{4 * number} minutes")  # no more than an agency may in an hour
        monkeypatch.setattr(socket, "getaddrinfo", answers(address))
        answer = caller.post("/v1/webhooks", {"url": "https://other.example.org/"})
        assert answer.status_code == 400
        said.add((answer.json()["code"], answer.json()["detail"], answer.json()["pointer"]))
    assert said == {(TargetRefused.code, TargetRefused.detail, "/url")}
    assert no_connection == []


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_changes_its_address_after_it_was_named_is_not_connected_to(
    story: Story, api: Any, no_connection: list[Any], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(PUBLIC[0]))
    caller = api("ywca.admin")
    made = caller.post("/v1/webhooks", {"url": "https://receiver.example.org/"}).json()
    assert caller.post(f"/v1/webhooks/{made['id']}/ping").status_code == 202
    monkeypatch.setattr(socket, "getaddrinfo", answers(address))
    assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []
    tried = caller.get(f"/v1/webhooks/{made['id']}/deliveries").json()["items"]
    assert [one["outcome"] for one in tried] == ["target_refused"]
    assert no_connection == []


def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_judged(
    story: Story, api: Any, no_connection: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look would find this machine: there is none."""
    monkeypatch.setattr(socket, "getaddrinfo", answers(PUBLIC[0]))
    made = api("ywca.admin").post("/v1/webhooks", {"url": "https://receiver.example.org/"}).json()
    asked = []

    def rebinding(*place: Any, **how: Any) -> list[Any]:
        asked.append(place)
        return answers(PUBLIC[0] if len(asked) == 1 else "127.0.0.1")(*place, **how)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    api("ywca.admin").post(f"/v1/webhooks/{made['id']}/ping")
    assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []
    assert no_connection == [(PUBLIC[0], 443)]
    assert len(asked) == 1


def test_this_machines_own_are_reached_only_where_the_setting_names_them(
    api: Any, settings: Any
) -> None:
    with receivers(settings) as (one,):
        other = Receiver()
        for url in (f"http://{other.authority}/", f"https://{other.authority}/"):
            assert api("ywca.admin").post("/v1/webhooks", {"url": url}).status_code == 400
        settings.WEBHOOK_LOOPBACK = frozenset({f"localhost:{one.port}"})
        assert api("ywca.admin").post("/v1/webhooks", {"url": one.url}).status_code == 400
        other.end()


def test_a_name_that_the_setting_lists_leads_to_this_machine_or_nowhere(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_LOOPBACK = frozenset({"localhost:9000"})
    for address in ("10.0.0.1", "8.8.8.8", "fe80::1"):
        monkeypatch.setattr(socket, "getaddrinfo", answers(address))
        with pytest.raises(TargetRefused):
            ssrf_guard.resolve_target("http://localhost:9000/")


# -- The connection --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new self-signed certificate of `localhost`; the file has the key before it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    own = key.private_bytes(*form, serialization.NoEncryption())
    path.write_bytes(own + made.public_bytes(serialization.Encoding.PEM))
    return path


class SecureReceiver(Receiver):
    """Receives over TLS, and keeps the name it was asked for (SNI)."""

    def __init__(self, certificate: Path) -> None:
        self.asked_for: list[str | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        super().__init__()

    def _serve(self, one: socket.socket) -> None:
        try:
            secure = self.context.wrap_socket(one, server_side=True)
        except OSError:
            return
        super()._serve(secure)


@pytest.fixture
def secure(certificate: Path, settings: Any) -> Iterator[SecureReceiver]:
    receiver = SecureReceiver(certificate)
    settings.WEBHOOK_LOOPBACK = frozenset({f"localhost:{receiver.port}"})
    yield receiver
    receiver.end()


@pytest.mark.no_database
def test_over_tls_the_certificate_the_name_and_the_host_are_the_names(
    secure: SecureReceiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(ssrf_guard, "_tls", lambda: trusted)
    monkeypatch.setattr(socket, "getaddrinfo", answers("127.0.0.1"))
    target = ssrf_guard.resolve_target(f"https://localhost:{secure.port}/hook")
    with Connection(target, 10) as line:
        for _ in range(2):
            assert line.post(b"{}", {"webhook-id": "one"}, 10) == 200
            assert line.usable
    assert secure.asked_for == ["localhost"]
    assert {had.headers["host"] for had in secure.had} == {f"localhost:{secure.port}"}
    with pytest.raises(NoAnswer, match="tls"):  # the same address, another name
        Connection(target._replace(host="receiver.example.org"), 10)


@pytest.mark.no_database
def test_a_certificate_that_no_one_vouches_for_is_refused(secure: SecureReceiver) -> None:
    with pytest.raises(NoAnswer, match="tls"):
        Connection(ssrf_guard.resolve_target(f"https://localhost:{secure.port}/"), 10)
    assert secure.had == []


@pytest.mark.no_database
@pytest.mark.parametrize("answer", [None, 0.02])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_that_hangs_or_trickles_is_left_when_its_time_is_up(
    settings: Any, answer: float | None, scheme: str
) -> None:
    """Over https it never ends its part of the handshake."""
    with receivers(settings, answer) as (one,):
        target = ssrf_guard.resolve_target(f"{scheme}://{one.authority}/")
        with pytest.raises(NoAnswer) as error, Connection(target, 0.3) as line:
            line.post(b"{}", {"webhook-id": "x"}, 0.3)
        assert error.value.outcome in {"timeout", "tls"}


def test_the_lease_is_longer_than_a_batch_can_take() -> None:
    assert delivery.BATCH_S + delivery.MESSAGE_S < outbox.LEASE_S
    assert ok().endswith(b"ok")
