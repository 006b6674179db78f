"""What single conditions of the database's functions about who is asking keep off: each is asked by
itself, of several callers, some of whom must find nothing."""

from typing import Any

import pytest
from django.db import connections, transaction

from permissions.identity.credentials import hash_secret
from tests.support.ground.database import as_app, identify, rolled_back
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import Caller, agency_id, member_id, scoped
from tests.support.people.notifications import keep
from tests.support.proofs.sec_functions import answer, asked, call, changed

# -- Who is asking ---------------------------------------------------------------------------------


def who_is(cursor: Any, caller: Any) -> tuple[Any, Any]:
    identify(cursor, caller)
    cursor.execute("SELECT agency_id, member_id FROM sec.identity()")
    return tuple(cursor.fetchone())  # type: ignore[return-value]


NOBODY = (None, None)


def test_the_identity_is_of_the_token_and_of_the_staff_that_a_system_names(api: Any) -> None:
    """sec.identity: a person names nobody, a system its own agency's people alone."""
    police, ywca = agency_id("police"), agency_id("ywca")
    person = api("ywca.worker")
    person.acting = "ywca.lead"
    for caller, found in (
        (api("police.worker"), (police, member_id("police.worker"))),
        (api("ywca.worker"), (ywca, member_id("ywca.worker"))),
        (person, (ywca, member_id("ywca.worker"))),
        (api("ywca.client"), (ywca, None)),
        (api("ywca.client", "ywca.worker"), (ywca, member_id("ywca.worker"))),
        (api("ywca.client", "police.worker"), NOBODY),
        (Caller("nobody", "a token that was never given"), NOBODY),
        (None, NOBODY),
    ):
        with as_app(caller) as cursor:
            assert who_is(cursor, caller) == found, caller


@pytest.mark.parametrize(
    ("change", "who", "acting"),
    [
        ("credential SET ended_at = now() WHERE agency_id = %s", "worker", None),
        ("credential SET expires_at = now() WHERE agency_id = %s", "worker", None),
        ("permissions_agency SET active = false WHERE id = %s", "worker", None),
        ("permissions_membership SET active = false WHERE agency_id = %s", "client", "ywca.worker"),
    ],
)
def test_a_token_that_has_ended_is_nobodys(
    change: str, who: str, acting: str | None, api: Any, superuser: Any
) -> None:
    """sec.identity; and another agency's stays what it was."""
    caller, other = api(f"ywca.{who}", acting), api(f"police.{who}")
    with as_app(None) as cursor:
        assert who_is(cursor, caller) == (agency_id("ywca"), member_id("ywca.worker"))
    with changed(superuser, change, [agency_id("ywca")], caller) as cursor:
        assert who_is(cursor, caller) == NOBODY
        assert who_is(cursor, other)[0] == agency_id("police")


def test_no_token_is_nobodys_even_where_a_credential_is_kept_for_none(
    api: Any, superuser: Any
) -> None:
    """sec.identity, of the hash of nothing: no sign-in ever writes it."""
    api("ywca.worker")
    with rolled_back(superuser) as cursor:
        cursor.execute("UPDATE credential SET hash = ''")
        assert asked(cursor, "SELECT count(*) FROM credential WHERE live") == 1
        assert asked(cursor, "SELECT sec.current_agency_id()") is None, "none was ever said"
        assert who_is(cursor, None) == NOBODY, "an empty one was said"


# -- What depends on others ------------------------------------------------------------------------

YWCA, WORKER = agency_id("ywca"), member_id("ywca.worker")
PERSON = f"(SELECT person_id FROM permissions_membership WHERE id = '{WORKER}')"
OF_YWCA = {"ywca.worker", "ywca.lead", "ywca.client"}
EVERYBODY = OF_YWCA | {"police.worker", "police.client"}


@pytest.mark.parametrize(
    ("change", "dead"),
    [
        (f"permissions_membership SET active = false WHERE id = '{WORKER}'", {"ywca.worker"}),
        (f"permissions_person SET is_active = false WHERE id = {PERSON}", {"ywca.worker"}),
        (f"permissions_client SET active = false WHERE agency_id = '{YWCA}'", {"ywca.client"}),
        (f"permissions_agency SET active = false WHERE id = '{YWCA}'", OF_YWCA),
        (
            f"credential SET agency_id = '{agency_id('police')}' WHERE membership_id = '{WORKER}'",
            {"ywca.worker"},
        ),
    ],
)
def test_a_credential_lives_as_long_as_all_that_it_hangs_on(
    change: str, dead: set[str], api: Any, superuser: Any
) -> None:
    """sec.set_credential_live, sec.set_member_live, sec.refresh_credentials."""
    secrets = {hash_secret(api(who).secret): who for who in EVERYBODY}

    def live(cursor: Any) -> set[str]:
        cursor.execute("SELECT encode(hash, 'hex') FROM credential WHERE live")
        return {secrets[hashed] for (hashed,) in cursor.fetchall()}

    with rolled_back(superuser) as cursor:
        assert live(cursor) == EVERYBODY
        cursor.execute(f"UPDATE {change}")
        assert live(cursor) == EVERYBODY - dead
        cursor.execute("UPDATE permissions_membership SET live = true")
        cursor.execute("UPDATE credential SET live = true")
        assert live(cursor) == EVERYBODY - dead, "only the triggers write it"


def test_a_credential_says_whose_it_is_and_whether_its_system_keeps_records(
    api: Any, superuser: Any
) -> None:
    """sec.set_credential_live writes it, of this member and this client and of no other."""
    for who in EVERYBODY:
        api(who)
    people = (
        "SELECT count(*) FROM credential c JOIN permissions_membership m ON m.id = c.membership_id"
        " WHERE c.person_id = m.person_id AND c.left_roles @> m.roles"
    )
    systems = (
        "SELECT a.id FROM credential c JOIN permissions_agency a ON a.id = c.agency_id"
        " WHERE c.client_id IS NOT NULL AND c.system_of_record"
    )
    with rolled_back(superuser) as cursor:
        assert asked(cursor, people) == 3
        cursor.execute("UPDATE permissions_client SET system_of_record = false")
        cursor.execute(systems)
        assert cursor.fetchall() == []
        cursor.execute(
            "UPDATE permissions_client SET system_of_record = true WHERE agency_id = %s",
            [agency_id("ywca")],
        )
        cursor.execute(systems)
        assert [str(key) for (key,) in cursor.fetchall()] == [str(agency_id("ywca"))]


# -- What she may ----------------------------------------------------------------------------------


def test_who_sees_referrals_at_all(api: Any) -> None:
    """sec.caseworker_agency_id: the agency of a worker or lead, or of a system that may read
    them."""
    reads, other = "referrals:read", "directory:read"
    for caller, may in (
        (api("ywca.worker"), True),
        (api("ywca.lead"), True),
        (api("ywca.admin"), False),
        (scoped(api, reads), True),
        (scoped(api, other), False),
        (scoped(api, reads, acting="ywca.worker"), True),
        (scoped(api, reads, acting="ywca.admin"), False),
        (scoped(api, other, acting="ywca.worker"), False),
        (None, False),
    ):
        expected = agency_id("ywca") if may else None
        assert answer(caller, "SELECT sec.caseworker_agency_id()") == expected, caller


def test_who_edits_the_directory(api: Any) -> None:
    """sec.directory_editor_agency_id: the agency of an editor, or of a system that may write
    there."""
    writes, reads = "directory:write", "directory:read"
    for caller, may in (
        (api("ywca.editor"), True),
        (api("ywca.worker"), False),
        (scoped(api, writes), True),
        (scoped(api, reads), False),
        (scoped(api, writes, acting="ywca.editor"), True),
        (scoped(api, writes, acting="ywca.worker"), False),
        (scoped(api, reads, acting="ywca.editor"), False),
        (None, False),
    ):
        with transaction.atomic(using="editor"), connections["editor"].cursor() as cursor:
            identify(cursor, caller)
            found = asked(cursor, "SELECT sec.directory_editor_agency_id()")
        assert found == (agency_id("ywca") if may else None), caller


def test_who_is_of_the_network(api: Any) -> None:
    """sec.is_in_network: any member, and a system that reads the directory; not the public."""
    for caller, is_of_it in (
        (api("ywca.admin"), True),
        (scoped(api, "directory:read"), True),
        (scoped(api, "referrals:read"), False),
        (scoped(api, "referrals:read", acting="ywca.worker"), False),
        (None, False),
    ):
        assert answer(caller, "SELECT sec.is_in_network()") is is_of_it, caller


def test_a_system_is_not_herself_whomever_it_names(api: Any) -> None:
    assert answer(api("ywca.worker"), "SELECT sec.current_member_id()") == member_id("ywca.worker")
    for caller in (api("ywca.client"), api("ywca.client", "ywca.worker"), None):
        assert answer(caller, "SELECT sec.current_member_id()") is None


def test_a_channel_is_removed_by_whose_it_is(api: Any, superuser: Any) -> None:
    """sec.remove_channel: her own by herself, the agency's by its administrator, one at a time."""
    own, more = (keep(api, "ywca.worker", "sms", f"406-555-018{n}") for n in (1, 2))
    duty, second = (keep(api, "ywca.admin", "sms", f"406-555-018{n}", use="duty") for n in (3, 4))
    keep(api, "police.admin", "sms", "406-555-0185", use="duty")
    for who, which in (
        ("ywca.worker2", own),
        ("ywca.admin", own),  # the agency's, not her people's
        ("ywca.worker", duty),
        ("police.admin", duty),
        ("ywca.client", duty),
    ):
        assert call(api(who), "remove_channel", which) is False, who
    left = "SELECT id::text FROM channel"
    before = set(rows(superuser, left))
    assert len(before) == 5
    assert call(api("ywca.worker"), "remove_channel", own) is True
    assert before - set(rows(superuser, left)) == {(own,)}
    assert call(api("ywca.admin"), "remove_channel", duty) is True
    assert before - set(rows(superuser, left)) == {(own,), (duty,)}
    assert {(more,), (second,)} < set(rows(superuser, left))


# -- Keys ------------------------------------------------------------------------------------------

BUNDLES = {
    "packet_grant": ("referral_id, fields, closed", "gen_random_uuid(), '{name}', false"),
    "private_key": ("referral_id", "gen_random_uuid()"),
    "record_number": ("referral_id, keyed", "gen_random_uuid(), '\\x00'"),
    "returned": (
        "referral_id, release_id, fields, expires_at",
        "gen_random_uuid(), gen_random_uuid(), '{connected}', now()",
    ),
    "webhook_secret": ("endpoint_id, created_at", "gen_random_uuid(), now()"),
    "directory_confidential_address": ("location_id, sealed", "gen_random_uuid(), '\\x00'"),
}


@pytest.mark.parametrize("table", BUNDLES)
def test_a_key_is_missed_by_the_agency_whose_bundle_stands_anywhere(
    table: str, superuser: Any
) -> None:
    """sec.has_bundles: one row of one table, and no other agency is said to have lost a key."""
    columns, values = BUNDLES[table]
    insert = (
        f"INSERT INTO {table} (id, agency_id, kek_version, key_bundle, {columns})"
        f" VALUES (gen_random_uuid(), %s, 1, %s, {values})"
    )
    ywca, police = str(agency_id("ywca")), str(agency_id("police"))
    with rolled_back(superuser) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # it belongs to no referral

        def has(agency: str) -> bool:
            return bool(asked(cursor, "SELECT sec.has_bundles(%s)", agency))

        assert not has(ywca)
        if table in ("packet_grant", "returned"):  # destroyed: there is nothing to open
            cursor.execute(insert, [ywca, None])
            assert not has(ywca)
        cursor.execute(insert, [ywca, b"a bundle"])
        assert has(ywca)
        assert not has(police)


# -- Whom a system names by a staff number ---------------------------------------------------------

NO_ONE = "00000000-0000-0000-0000-000000000000"
SET_NUMBER = "UPDATE permissions_membership SET staff_ref = %s WHERE id = %s"


def test_a_number_is_that_of_a_live_member_of_the_systems_own_agency(
    api: Any, superuser: Any
) -> None:
    """sec.acting_id_of: no one else's, and nothing for a person."""
    worker, worker2 = str(member_id("ywca.worker")), str(member_id("ywca.worker2"))
    numbers = [("11", worker), ("12", worker2), ("13", str(member_id("police.worker")))]
    system, person = api("ywca.client"), api("ywca.worker")
    for ended, expected in ((False, worker2), (True, NO_ONE)):
        with rolled_back(superuser) as cursor:
            cursor.executemany(SET_NUMBER, numbers)
            if ended:
                end = "UPDATE permissions_membership SET active = false WHERE id = %s"
                cursor.execute(end, [worker2])
            for caller, staff_ref, found in (
                (system, "11", worker),
                (system, "12", expected),
                (system, "13", NO_ONE),
                (system, "1", NO_ONE),
                (system, "", NO_ONE),
                (person, "11", ""),
                (None, "11", ""),
            ):
                identify(cursor, caller)
                said = asked(cursor, "SELECT sec.acting_id_of(%s)", staff_ref)
                assert said == found, (caller, staff_ref)


def test_what_binds_a_member_is_shown_to_the_own_agencys_system_only(
    api: Any, superuser: Any
) -> None:
    """sec.caller_binding: not the number or the MAC of another agency's member."""
    for acting, shown in (("ywca.worker", True), ("police.worker", False)):
        caller = api("ywca.client", acting)
        with rolled_back(superuser) as cursor:
            cursor.execute(SET_NUMBER, ["11", str(member_id(acting))])
            identify(cursor, caller)
            cursor.execute(
                "SELECT acting_staff_ref, acting_version, acting_mac FROM sec.caller_binding()"
            )
            found = cursor.fetchone()
        assert (found[0] == "11", found[1] is not None, found[2] is not None) == (shown,) * 3


def test_a_system_reads_of_itself_alone(api: Any) -> None:
    """sec.own_client: nothing for a person or no one."""
    for caller, found in (
        (api("ywca.client"), ["demo-ywca"]),
        (api("police.client", "police.worker"), ["demo-police"]),
        (api("ywca.admin"), []),
        (None, []),
    ):
        with as_app(caller) as cursor:
            cursor.execute("SELECT client_id FROM sec.own_client()")
            assert [one for (one,) in cursor.fetchall()] == found, caller
