"""The rows that let someone in: a writer of the database, without a key, opens nothing."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import transaction
from jwcrypto import jwk
from structlog.testing import capture_logs

from api.http.authentication import SESSION_KEY
from permissions.errors import Unavailable
from permissions.identity import credentials, partner_clients, provisioning, row_macs
from permissions.identity.credentials import hash_secret
from permissions.keys import binding_key
from permissions.models import Client, Membership, Person
from tests.desk.people import entries
from tests.desk.people import person as person  # a fixture
from tests.identity.bound_rows import copied, forged_credential, put_back, write
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.desk_pages import Pages, sign_in, text_of
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story

ACCESS = {"purpose": "intake"}


def ask_token(client: dict[str, Any]) -> Any:
    return HttpClient().post("/oauth/token", token_request(assertion(client, settings.TOKEN_URL)))


def tries(superuser: Any) -> int:
    """How many tries the access log knows of: entries, counts that entries state, and counts that
    the next one will state (access_log/counted_refusals)."""
    kind = "session:sign_in:binding"
    ((written, stated, counted),) = rows(
        superuser,
        "SELECT (SELECT count(*) FROM access_entry WHERE act = 'session.sign_in'"
        " AND rule = 'binding'),"
        " (SELECT coalesce(sum(split_part(f, ':', 4)::int), 0) FROM access_entry, unnest(fields) f"
        f" WHERE f LIKE '{kind}:%'),"
        f" (SELECT coalesce(sum((counts ->> '{kind}')::int), 0) FROM refusal_count)",
    )
    superuser.rollback()
    return int(written + stated + counted)


def opens_nothing(caller: Caller, story: Story, superuser: Any) -> None:
    """Each route answers 503, and each try is in the access log and in the operator's."""
    for answer_of in (
        lambda: caller.get(f"/v1/referrals/{story.id}"),
        lambda: caller.act(story.id, "open_packet", ACCESS),
        lambda: caller.get("/v1/referrals"),
    ):
        before = tries(superuser)
        with capture_logs() as logged:
            answer = answer_of()
        assert (answer.status_code, answer.json()["code"]) == (503, "binding")
        assert "Invented" not in answer.content.decode()
        assert tries(superuser) == before + 1
        assert "row_not_bound" in {one["event"] for one in logged}


def test_a_member_who_is_bound_opens_what_is_theirs(sealed: Story) -> None:
    answer = sealed.api(sealed.recipient).act(sealed.id, "open_packet", ACCESS)
    assert answer.json()["packet"] == PACKET


@pytest.mark.parametrize("mac", [None, b"", b"\0\1" + bytes(32), "of another"])
def test_a_database_writer_inserts_a_credential_of_an_assigned_advocate(
    sealed: Story, superuser: Any, mac: Any
) -> None:
    if mac == "of another":
        ((mac,),) = rows(
            superuser,
            "SELECT mac FROM credential WHERE membership_id = %s LIMIT 1",
            [str(member_id(sealed.recipient))],
        )
        superuser.rollback()
    forged = forged_credential(superuser, agency_id("ywca"), member_id(sealed.recipient), mac=mac)
    opens_nothing(forged, sealed, superuser)


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = expires_at + interval '1 second'",
        "created_at = created_at - interval '1 second'",
        "left_roles = '{worker,lead}'",
        "roles = '{worker,lead}', left_roles = '{worker,lead}'",
        "scopes = '{packets:read}'",
        "system_of_record = true",
        "networks = '{198.51.100.0/24}'",
        "membership_id = (SELECT id FROM permissions_membership WHERE name = 'Yara Sample')",
        "agency_id = (SELECT id FROM permissions_agency WHERE name = 'Demo City Police')",
        "person_id = (SELECT id FROM permissions_person WHERE username = 'ywca.lead')",
        "mac = NULL",
    ],
)
def test_a_database_writer_changes_a_column_of_a_live_credential(
    sealed: Story, superuser: Any, change: str
) -> None:
    caller = sealed.api("ywca.worker2")
    where = " WHERE hash = decode(%s, 'hex')"
    write(superuser, f"UPDATE credential SET {change}{where}", [hash_secret(caller.secret)])
    opens_nothing(caller, sealed, superuser)


def test_a_thief_puts_back_the_credential_of_someone_who_signed_out(
    sealed: Story, superuser: Any
) -> None:
    caller = sealed.api(sealed.recipient)
    where, values = "hash = decode(%s, 'hex')", [hash_secret(caller.secret)]
    older = copied(superuser, "credential", where, values)
    credentials.end_credential(caller.secret)
    assert caller.get("/v1/referrals").status_code == 401
    put_back(superuser, "credential", "hash", older)
    opens_nothing(caller, sealed, superuser)


def test_a_member_who_left_puts_back_every_row_of_theirs(
    sealed: Story, superuser: Any, person: Callable[[str], dict[str, Any]]
) -> None:
    """Their open session, and a new sign-in with the password and phone that they still have."""
    caller, hers = sealed.api("ywca.worker2"), person("ywca.worker2")
    member = str(member_id("ywca.worker2"))
    kept = [
        ("permissions_membership", "id", "id = %s", [member]),
        ("row_mac", "row_id", "row_id = %s", [member]),
        ("credential", "hash", "hash = decode(%s, 'hex')", [hash_secret(caller.secret)]),
    ]
    older = [(table, key, copied(superuser, table, *where)) for table, key, *where in kept]
    found = provisioning.find_person("ywca.worker2")
    assert found is not None
    provisioning.end_member(found, agency_id("ywca"))
    try:
        for table, key, row in older:
            put_back(superuser, table, key, row)
        opens_nothing(caller, sealed, superuser)
        answer = sign_in(Pages(), hers)
        assert answer.status_code == 503
        assert "In danger now?" in text_of(answer.content)
    finally:
        row_macs.sign(Membership.objects.using("jobs").get(id=member), "jobs")
    assert sign_in(Pages(), hers).status_code == 200


def test_a_database_writer_gives_an_advocate_a_password_and_a_phone_of_their_own(
    superuser: Any, person: Callable[[str], dict[str, Any]]
) -> None:
    """The phone's secret is another member's, whom they know: it is sealed, but not for whom."""
    known = person("outsider.worker") | {"username": "ywca.worker", "password": "of the attacker's"}
    theirs = "SELECT id FROM permissions_person WHERE username = 'ywca.worker'"
    before = copied(superuser, "permissions_person", "username = 'ywca.worker'", None)
    factor = copied(superuser, "mfa_authenticator", f"user_id = ({theirs})", None)
    changes = [
        ("UPDATE permissions_person SET password = %s", [make_password(known["password"])]),
        (
            "UPDATE mfa_authenticator SET data = (SELECT a.data FROM mfa_authenticator a"
            " JOIN permissions_person p ON p.id = a.user_id WHERE p.username = %s)",
            ["outsider.worker"],
        ),
    ]
    try:
        for change, values in changes:
            key = "user_id" if "mfa" in change.split(" SET ")[0] else "id"
            write(superuser, f"{change} WHERE {key} = ({theirs})", values)
        pages = Pages()
        answer = sign_in(pages, known)
        assert answer.status_code == 503
        assert SESSION_KEY not in pages.http.session
    finally:
        put_back(superuser, "permissions_person", "id", before)
        put_back(superuser, "mfa_authenticator", "id", factor)


def test_a_database_writer_gives_a_partner_system_a_key_of_their_own(
    network: dict[str, Any], superuser: Any
) -> None:
    client = next(one for one in network["clients"] if one["agency"] == "ywca")
    where = "client_id = 'demo-ywca'"
    older = copied(superuser, "permissions_client", where, None)
    pair = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid="ywca-1")
    theirs = client | {"private_jwk": pair.export_private(as_dict=True)}
    try:
        write(
            superuser,
            f"UPDATE permissions_client SET public_keys = %s::jsonb WHERE {where}",
            [f'{{"keys": [{pair.export_public()}]}}'],
        )
        assert ask_token(theirs).status_code == 503
    finally:
        put_back(superuser, "permissions_client", "id", older)
    assert ask_token(client).status_code == 200


def test_an_ended_key_of_a_partner_system_is_put_back(
    network: dict[str, Any], superuser: Any
) -> None:
    client = next(one for one in network["clients"] if one["agency"] == "ywca")
    row = Client.objects.get(client_id="demo-ywca")
    older = copied(superuser, "permissions_client", "client_id = 'demo-ywca'", None)
    its_mac = copied(superuser, "row_mac", "row_id = %s", [str(row.id)])
    pair = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid="new")
    with transaction.atomic(using="signin"):
        partner_clients.save_narrowed(row, public_keys={"keys": [pair.export_public(as_dict=True)]})
    try:
        put_back(superuser, "permissions_client", "id", older)
        put_back(superuser, "row_mac", "row_id", its_mac)
        assert ask_token(client).status_code == 503
    finally:
        row_macs.sign(Client.objects.get(client_id="demo-ywca"), "signin")
    assert ask_token(client).status_code == 200


def test_a_partner_system_names_a_member_whose_row_was_written_by_hand(
    sealed: Story, superuser: Any
) -> None:
    """The colleague without any role becomes a worker of the agency by one UPDATE."""
    caller = sealed.api("ywca.client", "ywca.admin")
    assert caller.get(f"/v1/referrals/{sealed.id}").status_code == 404
    who = [str(member_id("ywca.admin"))]
    set_roles = "UPDATE permissions_membership SET roles = %s::text[] WHERE id = %s"
    write(superuser, set_roles, ["{worker,lead}", *who])
    try:
        opens_nothing(caller, sealed, superuser)
    finally:
        write(superuser, set_roles, ["{agency_admin}", *who])


def test_a_superuser_replaces_the_function_that_says_who_asks(
    sealed: Story, superuser: Any
) -> None:
    """It says of every token that it is the advocate's, and shows the advocate's own credential."""
    sealed.api(sealed.recipient)
    ((kept,),) = rows(superuser, "SELECT pg_get_functiondef('sec.identity()'::regprocedure)")
    ((bound,),) = rows(superuser, "SELECT pg_get_functiondef('sec.caller_binding()'::regprocedure)")
    anyone = str(member_id(sealed.recipient))
    lies = (
        kept.replace("c.hash = decode(token, 'hex')", f"c.membership_id = '{anyone}'"),
        bound.replace(
            "c.hash = decode(current_setting('cairn.token', true), 'hex')",
            f"c.membership_id = '{anyone}'",
        ),
    )
    assert kept not in lies
    assert bound not in lies
    try:
        with superuser.cursor() as cursor:
            for lie in lies:
                cursor.execute(lie)
        superuser.commit()
        opens_nothing(Caller("stranger", "a-token-that-was-never-issued"), sealed, superuser)
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(kept)
            cursor.execute(bound)
        superuser.commit()


def test_a_change_of_ours_does_not_make_a_change_of_theirs_good(superuser: Any) -> None:
    where = " WHERE username = 'ywca.lead'"
    write(superuser, f"UPDATE permissions_person SET password = 'theirs'{where}")
    found = Person.objects.using("signin").get(username="ywca.lead")
    older = found.password
    try:
        with pytest.raises(Unavailable):
            found.save(using="signin")
        found.save(using="signin", update_fields=["last_login"])
        assert not row_macs.is_bound(found)
    finally:
        ((mac,),) = rows(superuser, "SELECT mac FROM row_mac WHERE row_id = %s", [str(found.id)])
        superuser.rollback()
        assert older == "theirs"
        assert mac is not None
        row_macs.sign(found, "signin")


# -- The agency confirms its people ----------------------------------------------------------------


def confirm(*words: str) -> str:
    said = StringIO()
    call_command("agency", "confirm", "Demo Women's Centre", *words, stdout=said)
    return said.getvalue()


def test_after_an_upgrade_an_agency_confirms_its_people_and_systems(
    superuser: Any, person: Callable[[str], dict[str, Any]], network: dict[str, Any]
) -> None:
    write(
        superuser,
        "DELETE FROM row_mac WHERE row_id IN (SELECT id FROM permissions_membership"
        " WHERE agency_id = %(a)s UNION SELECT person_id FROM permissions_membership"
        " WHERE agency_id = %(a)s UNION SELECT id FROM permissions_client"
        " WHERE agency_id = %(a)s)",
        {"a": str(agency_id("ywca"))},
    )
    client = next(one for one in network["clients"] if one["agency"] == "ywca")
    assert sign_in(Pages(), person("ywca.worker")).status_code == 503
    assert ask_token(client).status_code == 503
    said = confirm()
    assert "member ywca.worker: Yve Example; worker" in said
    assert "sign-in of ywca.worker" in said
    assert "system demo-ywca: " in said
    code = said.split("--list ")[1].strip()
    with pytest.raises(CommandError, match="not the code"):
        confirm("--list", "00000000")
    write(
        superuser,
        "UPDATE permissions_membership SET roles = '{worker,lead}' WHERE id = %s",
        [str(member_id("ywca.worker"))],
    )
    with pytest.raises(CommandError, match="not the code"):
        confirm("--list", code)
    write(
        superuser,
        "UPDATE permissions_membership SET roles = '{worker}' WHERE id = %s",
        [str(member_id("ywca.worker"))],
    )
    assert "13 confirmed" in confirm("--list", code)
    assert "Nothing to confirm" in confirm()
    with pytest.raises(CommandError, match="nothing to confirm"):
        confirm("--list", code)
    assert sign_in(Pages(), person("ywca.worker")).status_code == 200
    assert ask_token(client).status_code == 200
    refused, allowed, *_ = entries(superuser, "agency.confirm")
    assert (refused[:2], allowed) == (("refused", "invalid"), ("allowed", None, None))


# -- The key is renewed ----------------------------------------------------------------------------


def test_a_thief_of_an_old_binding_key_makes_no_row_after_it_was_renewed(
    sealed: Story, superuser: Any, person: Callable[[str], dict[str, Any]]
) -> None:
    caller = sealed.api(sealed.recipient)
    stolen = dict(binding_key.binding_keys())
    said = StringIO()
    call_command("keys", "rebind", stdout=said)
    assert "bound by a new key" in said.getvalue()
    assert set(binding_key.binding_keys()).isdisjoint(stolen)
    assert caller.get("/v1/referrals").status_code == 401, "open sign-ins ended"
    fresh = sealed.api(sealed.recipient)
    assert fresh.act(sealed.id, "open_packet", ACCESS).json()["packet"] == PACKET
    older = copied(
        superuser, "credential", "hash = decode(%s, 'hex')", [hash_secret(caller.secret)]
    )
    put_back(superuser, "credential", "hash", older | {"ended_at": None, "live": True})
    opens_nothing(caller, sealed, superuser)
    assert sign_in(Pages(), person("ywca.worker")).status_code == 200
