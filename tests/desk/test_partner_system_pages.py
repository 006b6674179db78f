"""An agency runs its own partner systems at the desk, without script."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from permissions.identity import credentials, row_macs
from permissions.identity.client_keys import keys_of
from permissions.models import Client
from tests.identity.operators import client
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.own_systems import (
    ENDING,
    NEW,
    SYSTEMS,
    added,
    as_pem,
    form_of,
    log_of,
    newest,
    pair,
    public,
)
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


def token_of(system: Client) -> Caller:
    kept = Client.objects.get(id=system.id)
    secret = f"a-token-of-a-test-{uuid4()}"
    credentials.open_for_client(kept, secret, kept.scopes)
    return Caller("system", secret)


def status_of(caller: Caller) -> int:
    return int(caller.get("/v1/referrals", Acting_Member=str(member_id("ywca.worker"))).status_code)


def test_an_administrator_adds_a_system_which_is_bound_and_logged_as_theirs(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    key = pair()
    system = added(pages, key, scopes=["referrals:read", "packets:read"], system_of_record="on")
    assert system.client_id == f"records-{ENDING}"
    assert system.agency_id == agency_id("ywca")
    assert system.scopes == ["packets:read", "referrals:read"]
    assert (system.system_of_record, system.networks) == (True, ["203.0.113.0/24"])
    assert [one.thumbprint for one in keys_of(system.public_keys)] == [key.thumbprint()]
    assert row_macs.is_bound(system)
    (entry,) = log_of(superuser, system)
    assert (entry["act"], entry["decision"]) == ("partner.add", "allowed")
    assert (entry["member_id"], entry["client_id"]) == (str(member_id("ywca.admin")), None)
    assert entry["agency_id"] == str(agency_id("ywca"))
    said = ["packets:read", "referrals:read", "system_of_record", "networks:1", "quota:100"]
    (code,) = (one.code for one in keys_of(system.public_keys))
    assert entry["fields"] == [f"system:{system.id.hex}", *said, code]
    shown = text_of(pages.get(SYSTEMS).content)
    for words in (
        *("Campus records", system.client_id, key.thumbprint(), "EC P-256"),
        *("Open packets and notes, for a named member", "203.0.113.0/24"),
        *("0 of at most 100 referrals", "Yes: it may open packets and notes"),
    ):
        assert words in shown
    assert shown.count("None in the last 30 days") >= 2


def test_all_faults_are_said_at_once_and_nothing_is_added() -> None:
    pages = at_the_desk("ywca.admin")
    before = Client.objects.count()
    given = {
        "name": "  ",
        "client_id": "Not An Id",
        "scopes": ["audit:read", "packets:read"],
        "origin": "networks",
        "networks": "203.0.113.7/24\n0.0.0.0/0",
        "quota": "0",
        "keys_url": "http://127.0.0.1/keys",
    }
    answer = pages.submit(NEW, given)
    assert answer.status_code == 400
    page = answer.content.decode()
    shown = text_of(page)
    for words in (
        *("Name: Please fill this in.", "Client ID: Use small letters, digits and hyphens"),
        *("“203.0.113.7/24” is not a network", "“0.0.0.0/0” is not a network"),
        "A system that reads the access log does nothing else but webhooks.",
        "Keys are fetched from https addresses of public hosts",
    ):
        assert words in shown
    assert 'id="errors" tabindex="-1" autofocus' in page
    assert "<title>Error:" in page
    nothing = text_of(pages.submit(NEW, {}).content)
    for words in (
        *("What it may do: Choose at least one.", "Where it may call from: Choose one."),
        "Public key: Give its public key: as text, file or address.",
    ):
        assert words in nothing
    assert Client.objects.count() == before


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (lambda: public(pair(crv="P-521")), "Each key must be for signatures"),
        (lambda: public(pair(kty="RSA", size=1024)), "Each key must be for signatures"),
        (
            lambda: public(pair(kty="RSA", size=2048, alg="RS512")),
            "A key names an algorithm (alg) that is not",
        ),
        (lambda: "{}", "Each key must be for signatures"),
        (lambda: '{"keys": []}', "The key set must be a JWK set"),
        (lambda: "no key", "This cannot be read as a public key."),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA", "This PEM text is not a public key."),
        (
            lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "This is a certificate.",
        ),
    ],
)
def test_a_key_that_no_token_would_be_given_for_is_refused_at_its_field(
    key: Any, says: str
) -> None:
    answer = at_the_desk("ywca.admin").submit(NEW, form_of(key()))
    assert answer.status_code == 400
    assert f"Public key: {says}" in text_of(answer.content)


@pytest.mark.parametrize("where", ["jwk", "set", "pem", "file", "broken"])
def test_a_private_key_is_refused_and_nothing_of_it_is_kept(
    where: str, superuser: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = pair()
    secret = key.export_private(as_dict=True)["d"]
    pem = as_pem(key, private=True)
    text = {
        "jwk": key.export_private(),
        "set": f'{{"keys": [{public(pair())}, {key.export_private()}]}}',
        "pem": as_pem(pair()) + pem,
        "file": None,
        "broken": key.export_private()[:-1],
    }[where]
    pages = at_the_desk("ywca.admin")
    given = form_of("", keys=text)
    if where == "file":
        given["key_file"] = SimpleUploadedFile("key.pem", pem.encode())
    answer = pages.submit(NEW, given, follow=False)
    assert answer.status_code == 302, "a browser keeps no POST that it was led away from"
    assert answer["Location"] == NEW
    page = pages.get(NEW).content.decode()
    assert "That was a private key. Nothing of it was kept" in text_of(page)
    lines = [*pem.splitlines()[1:-1], secret]
    assert not [one for one in lines if one in page or one in caplog.text]
    with superuser.cursor() as cursor:
        for table in ("permissions_client", "django_session", "access_entry", "permissions_cache"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            (kept,) = cursor.fetchone()
            assert not [one for one in lines if one in (kept or "")], table
    assert not Client.objects.filter(name="Campus records").exists()


def test_a_key_may_be_pem_a_set_or_a_file() -> None:
    pages = at_the_desk("ywca.admin")
    rsa, p384, ed = (
        pair(kty="RSA", size=3072),
        pair(crv="P-384"),
        pair(kty="OKP", crv="Ed25519"),
    )
    both = f'{{"keys": [{public(p384)}, {public(ed)}]}}'
    first = added(pages, rsa, keys=as_pem(rsa))
    assert [one.thumbprint for one in keys_of(first.public_keys)] == [rsa.thumbprint()]
    assert "RSA, 3072 bits" in text_of(pages.get(f"{SYSTEMS}/{first.id}").content)
    second = added(pages, p384, name="Second", client_id="second", keys=both)
    assert len(keys_of(second.public_keys)) == 2
    third = added(
        pages,
        ed,
        name="Third",
        client_id="third",
        keys=None,
        key_file=SimpleUploadedFile("keys.json", public(ed).encode()),
    )
    assert [one.kind for one in keys_of(third.public_keys)] == ["Ed25519"]


def test_the_same_system_twice_is_one(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair())
    again = pages.submit(NEW, form_of(pair()))
    assert again.status_code == 409
    assert "Name: Your agency has a system with this name already." in text_of(again.content)
    again = pages.submit(NEW, form_of(pair(), name="Another"))
    assert again.status_code == 409
    assert "Client ID: Your agency has a system with this id already." in text_of(again.content)
    assert Client.objects.filter(client_id=system.client_id).count() == 1
    assert newest(superuser, "partner.add")["rule"] == "system_id", "the refusal is an entry"
    other = added(at_the_desk("police.admin"), pair())
    assert other.client_id != system.client_id, "and no one learns of another agency's id"


def test_keys_are_rotated_with_an_overlap_and_the_last_one_stays(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    old, new = pair(), pair(crv="P-384")
    system = added(pages, old)
    one = f"{SYSTEMS}/{system.id}"
    gone = pages.http.post(f"{one}/keys/{old.thumbprint()}/remove", pages.hidden(f"{one}/end"))
    assert gone.status_code == 409
    assert "This is the system's only key." in text_of(gone.content)
    assert "Remove this key" not in text_of(pages.get(one).content)
    live = token_of(system)
    said = text_of(pages.submit(f"{one}/keys", {"keys": as_pem(new)}).content)
    assert "Added. The earlier keys still work" in said
    assert status_of(live) != 401, "its open token goes on"
    assert "The system has these keys already." in text_of(
        pages.submit(f"{one}/keys", {"keys": public(new)}).content
    )
    nothing = pages.submit(f"{one}/keys", {})
    assert nothing.status_code == 400
    assert "Give its public key" in text_of(nothing.content)
    remove = f"{one}/keys/{old.thumbprint()}/remove"
    asked = text_of(pages.get(remove).content)
    assert "None of its other keys was used yet." in asked
    assert len(keys_of(Client.objects.get(id=system.id).public_keys)) == 2, "not without asking"
    assert "Removed. No token is given for this key" in text_of(pages.submit(remove).content)
    kept = Client.objects.get(id=system.id)
    assert [found.thumbprint for found in keys_of(kept.public_keys)] == [new.thumbprint()]
    assert row_macs.is_bound(kept)
    assert status_of(live) == 401, "what was open has ended"
    assert pages.get(remove).status_code == 404
    twice = pages.http.post(remove, pages.hidden(f"{one}/end"))
    assert twice.status_code == 302, "twice is safe"
    acts = [entry["act"] for entry in log_of(superuser, system)]
    assert acts == ["partner.add", "partner.add_keys", "partner.remove_key"]


def test_networks_and_quota_are_changed_and_what_was_open_ends(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair(), origin="anywhere", networks="")
    one = f"{SYSTEMS}/{system.id}"
    assert "Anywhere: a stolen key works from anywhere too" in text_of(pages.get(one).content)
    live = token_of(system)
    here = {"origin": "networks", "networks": "127.0.0.1\n203.0.113.0/24\n127.0.0.1", "quota": "7"}
    assert "Saved." in text_of(pages.submit(f"{one}/limits", here).content)
    kept = Client.objects.get(id=system.id)
    assert (kept.networks, kept.openings_a_day) == (["127.0.0.1/32", "203.0.113.0/24"], 7)
    assert row_macs.is_bound(kept)
    assert status_of(live) == 401
    pages.submit(f"{one}/limits", here)
    for wrong, says in (
        ({"origin": "networks", "networks": ""}, "Name at least one network."),
        ({"origin": "anywhere", "networks": "127.0.0.1"}, "You chose “from anywhere”."),
        ({"origin": "networks", "networks": "::/0"}, "“::/0” is not a network"),
        ({"quota": "100001"}, "Referrals whose packets or notes it may open in 24 hours"),
    ):
        answer = pages.submit(f"{one}/limits", here | wrong)
        assert answer.status_code == 400, wrong
        assert says in text_of(answer.content)
    entries = [(entry["act"], entry["fields"][1:]) for entry in log_of(superuser, system)[1:]]
    assert entries == [("partner.set_networks", ["networks:2"]), ("partner.set_quota", ["quota:7"])]


def test_a_system_ends_and_returns_and_is_asked_about_first(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair(), origin="anywhere", networks="")
    one = f"{SYSTEMS}/{system.id}"
    live = token_of(system)
    assert "its open tokens end now" in text_of(pages.get(f"{one}/end").content)
    assert Client.objects.get(id=system.id).active
    for _ in range(2):
        assert "Ended. Its open tokens ended" in text_of(pages.submit(f"{one}/end").content)
    assert not Client.objects.get(id=system.id).active
    assert status_of(live) == 401
    assert "Let it in again" in text_of(pages.get(one).content)
    for _ in range(2):
        assert "It can get tokens again." in text_of(pages.submit(f"{one}/return").content)
    assert status_of(live) == 401, "what ended stays ended"
    assert status_of(token_of(system)) != 401
    acts = [entry["act"] for entry in log_of(superuser, system)]
    assert acts == ["partner.add", "partner.end", "partner.return"]


def test_what_the_operator_did_is_the_same_row(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair())
    client("quota", system.client_id, "9")
    assert "0 of at most 9 referrals" in text_of(pages.get(f"{SYSTEMS}/{system.id}").content)
