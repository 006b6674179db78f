"""An agency's card: who switches it on, for which agencies it is not, and how one ends."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from jwcrypto import jwk

from api.dev import demo_card
from api.dev.parties import assertion
from permissions.card import cards
from permissions.errors import NotVisible
from permissions.identity import own_systems
from permissions.models import Card, Client
from tests.card.scene import (
    STATION,
    Officer,
    Station,
    address_of_card,
    change,
    give_number,
    sent,
    switch,
    switch_on,
)
from tests.card.scene import card as card  # a fixture
from tests.card.scene import no_card_stays as no_card_stays  # a fixture
from tests.card.scene import officer as officer  # a fixture
from tests.card.scene import station as station  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id, principal
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.enrolled import new_member, new_person

PATH = "/desk/agency/card"


def lead_of(key: str) -> str:
    return str(member_id(f"{key}.lead"))


def page_of(who: str) -> str:
    return text_of(at_the_desk(who).get(PATH).content)


def is_dead(path: str) -> bool:
    answer = Pages().get(path)
    assert (answer.status_code == 404) == ("no card at this address" in text_of(answer.content))
    return bool(answer.status_code == 404)


# -- Switching it on -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["ywca", "sarc"])
def test_an_agency_with_duties_of_confidentiality_has_none(network: Any, key: str) -> None:
    assert "duties of confidentiality" in page_of(f"{key}.admin")
    answer = switch(f"{key}.admin", what="on", lead=lead_of(key))
    assert answer.status_code == 409
    assert not Card.objects.exists()


def test_part_2_is_such_a_duty_and_one_that_comes_later_ends_the_card(
    card: str, superuser: Any
) -> None:
    try:
        for duty in ("part2", "privilege", "victim_services"):
            assert not is_dead(card)
            duties(superuser, "{" + duty + "}")
            assert is_dead(card), duty
            assert "The card is off." in page_of("police.admin")
            assert switch(what="on", lead=lead_of("police")).status_code == 409
            duties(superuser, "{}")
        duties(superuser, "{hipaa,mandated_reporter}")
        assert not is_dead(card)
    finally:
        duties(superuser, "{}")


def duties(superuser: Any, value: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_agency SET duties = %s WHERE id = %s",
            [value, str(agency_id("police"))],
        )
    superuser.commit()


def test_without_a_confirmed_number_there_is_none(network: Any) -> None:
    assert switch(what="on", lead=lead_of("police")).status_code == 409
    change("police.admin", "/desk/number", what="propose", address=STATION)
    change("police.lead", "/desk/number", what="accept", number=STATION)
    answer = switch(what="on", lead=lead_of("police"))
    assert answer.status_code == 409
    assert "no registered number that another agency has confirmed" in text_of(answer.content)
    which = {"which": str(agency_id("police")), "number": STATION}
    change("hospital.lead", "/desk/numbers", **which)
    switch_on()


def test_without_a_provider_of_calls_there_is_none(network: Any, settings: Any) -> None:
    give_number()
    settings.SENDERS = settings.SENDERS | {"phone": None}
    assert switch(what="on", lead=lead_of("police")).status_code == 409


@pytest.mark.parametrize(
    "lead", ["police.worker", "police.admin", "ywca.lead", "nobody", "unknown"]
)
def test_its_lead_is_a_lead_of_the_agency(network: Any, lead: str) -> None:
    give_number()
    named = {"nobody": "", "unknown": str(uuid4())}.get(lead) or (
        str(member_id(lead)) if "." in lead else ""
    )
    assert switch(what="on", lead=named).status_code == 400
    assert not Card.objects.exists()


def test_its_administrator_alone_switches_it(card: str, superuser: Any) -> None:
    for who in ("police.lead", "police.worker", "police.editor", "police.auditor", "none"):
        for given in ({"what": "on", "lead": lead_of("police")}, {"what": "off"}):
            answer = switch(who, **given) if who != "none" else Pages().http.post(PATH, given)
            assert answer.status_code in (302, 403), who
            assert not is_dead(card), who
    assert address_of_card() == card
    for who in ("police.worker", "police.editor", "police.auditor"):
        assert at_the_desk(who).get(PATH).status_code == 403
        assert at_the_desk(who).get(f"{PATH}/print").status_code == 403
    assert "The card is on." in page_of("police.lead")
    assert address_of_card("police.lead") == card
    assert "The card is off." in page_of("hospital.lead"), "each agency has its own"


def test_it_asks_for_a_proof_of_the_last_fifteen_minutes(network: Any) -> None:
    give_number()
    old = at_the_desk("police.admin", csrf=False, code_age_s=16 * 60)
    answer = old.http.post(PATH, {"what": "on", "lead": lead_of("police")})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/confirm")
    assert not Card.objects.exists()


def test_two_who_switch_it_on_at_once_make_one_card(network: Any) -> None:
    give_number()
    browsers = [at_the_desk("police.admin", csrf=False).http for _ in range(4)]

    def press(http: HttpClient) -> int:
        try:
            answer = http.post(PATH, {"what": "on", "lead": lead_of("police")})
            return int(answer.status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(press, browsers)) == {302}
    assert Card.objects.count() == 1
    assert not is_dead(address_of_card())


def test_the_demo_switches_it_on_once(network: Any) -> None:
    demo_card.switch_on()
    path = address_of_card()
    demo_card.switch_on()
    assert address_of_card() == path
    assert not is_dead(path)


def test_typed_as_people_type_it_and_nothing_else_finds_it(card: str) -> None:
    code = card.rpartition("/")[2]
    plain = re.sub("-", "", code)
    for typed in (plain, plain.lower(), " ".join(plain), code.lower()):
        assert not is_dead(f"/card/{typed}"), typed
    for other in (plain[:-1], plain + "B", plain[::-1], "é" * 12, "A" * 12, "%00", "x" * 3000):
        assert is_dead(f"/card/{other}"), other


def test_it_holds_when_the_binding_key_is_replaced(card: str) -> None:
    call_command("keys", "rebind")
    assert not is_dead(card)
    switch_on()
    assert not is_dead(address_of_card())


def test_what_was_changed_is_shown_to_the_agencys_leads(card: str) -> None:
    switch_on()
    switch(what="off")
    shown = text_of(at_the_desk("police.lead").get("/desk/agency/changes").content)
    for word in ("switched on", "a new code", "switched off", "Ari Placeholder", "Lou Sample"):
        assert word in shown, word
    ywca = text_of(at_the_desk("ywca.lead").get("/desk/agency/changes").content)
    assert "a new code" not in ywca


# -- How one ends ----------------------------------------------------------------------------------


def test_a_replaced_code_is_dead_at_once(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    code, link = officer.code(), station.callback()
    before = len(sent(superuser))
    switch_on()
    assert is_dead(officer.path)
    assert b"Nothing was sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before
    new = Officer(address_of_card())
    assert new.path != officer.path
    officer.press("stop")
    assert new.calls().status_code == 302


def test_a_card_that_is_off_sends_nothing_more(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    code, link = officer.code(), station.callback()
    before = len(sent(superuser))
    assert switch(what="off").status_code == 302
    assert is_dead(officer.path)
    assert b"Nothing was sent" in station.keys(code, link).content
    assert officer.press("call").status_code == 409
    assert len(sent(superuser)) == before
    switch_on()
    assert is_dead(officer.path), "the old code stays dead"
    assert not is_dead(address_of_card())


def test_what_was_sent_is_still_shown_once_the_code_is_replaced(
    officer: Officer, station: Station
) -> None:
    officer.calls()
    station.keys(officer.code())
    switch_on()
    assert "No one there has answered yet" in officer.sees()
    switch(what="off")
    assert officer.page().status_code == 409


def test_without_its_lead_it_is_off_until_another_is_named(network: Any, superuser: Any) -> None:
    give_number()
    person, _ = new_person("new.card.lead")
    member = new_member(agency_id("police"), person, ["lead"])
    try:
        assert switch(what="on", lead=str(member.id)).status_code == 302
        path = address_of_card()
        assert not is_dead(path)
        for roles, active in ((["worker"], True), (["lead"], False)):
            member.roles, member.active = roles, active
            member.save(using="jobs")
            assert is_dead(path)
            assert "needs a lead of your agency" in page_of("police.admin")
        switch_on()
        assert not is_dead(address_of_card())
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("DELETE FROM permissions_card")
            cursor.execute("DELETE FROM permissions_membership WHERE id = %s", [str(member.id)])
            cursor.execute("DELETE FROM mfa_authenticator WHERE user_id = %s", [str(person.id)])
            cursor.execute("DELETE FROM permissions_person WHERE id = %s", [str(person.id)])
            cursor.execute(
                "DELETE FROM row_mac WHERE row_id IN (%s, %s)", [str(member.id), str(person.id)]
            )
        superuser.commit()


def test_the_operator_ends_it_and_the_agency_switches_it_on_again(card: str) -> None:
    call_command("client", "end", Client.objects.get(card__isnull=False).client_id)
    assert is_dead(card)
    assert "operator ended the card" in page_of("police.admin")
    switch_on()
    assert not is_dead(address_of_card())


CHANGES = (
    "lead_id = (SELECT m.id FROM permissions_membership m WHERE m.agency_id = c.agency_id"
    " AND m.id <> c.lead_id LIMIT 1)",
    "version = version + 1",
    "sealed_code = 'x'",
    "client_id = (SELECT k.id FROM permissions_client k WHERE k.id <> c.client_id LIMIT 1)",
)


@pytest.mark.parametrize("forged", CHANGES)
def test_a_writer_of_the_database_changes_no_card(card: str, superuser: Any, forged: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE permissions_card c SET {forged}")
    superuser.commit()
    assert Pages().get(card).status_code == 503


def test_an_older_copy_of_the_card_is_refused(card: str, superuser: Any) -> None:
    columns = "code_hash, sealed_code, version, mac, active, lead_id"
    copy = rows(superuser, f"SELECT {columns} FROM permissions_card")[0]
    for ends in ({"what": "on", "lead": lead_of("police")}, {"what": "off"}):
        assert switch(**ends).status_code == 302
        now = rows(superuser, f"SELECT {columns} FROM permissions_card")[0]
        put = ", ".join(f"{one} = %s" for one in columns.split(", "))
        with superuser.cursor() as cursor:
            cursor.execute(f"UPDATE permissions_card SET {put}", [*copy[:5], str(copy[5])])
            superuser.commit()
            assert Pages().get(card).status_code == 503
            cursor.execute(f"UPDATE permissions_card SET {put}", [*now[:5], str(now[5])])
            superuser.commit()


# -- The card is no partner system -----------------------------------------------------------------


def test_the_card_gets_no_token_and_no_key(card: str) -> None:
    client = Client.objects.get(card__isnull=False)
    admin = at_the_desk("police.admin")
    assert "Card" not in text_of(admin.get("/desk/agency/systems").content)
    for path in ("", "/keys", "/limits", "/end"):
        assert admin.get(f"/desk/agency/systems/{client.id}{path}").status_code == 404
    key = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid="k")
    body = {"keys": key.export_public()}
    answer = at_the_desk("police.admin", csrf=False).http.post(
        f"/desk/agency/systems/{client.id}/keys", body
    )
    assert answer.status_code == 404
    given = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(
            {"client_id": client.client_id, "private_jwk": key.export_private(as_dict=True)},
            settings.TOKEN_URL,
        ),
    }
    assert HttpClient().post("/oauth/token", given).status_code == 401
    assert cards.of_agency(agency_id("police")) is not None


def test_below_the_pages_too_the_card_is_no_partner_system(card: str, api: Any) -> None:
    """Not only the pages, which list it nowhere: a key would let a system in as the card."""
    client = Client.objects.get(card__isnull=False)
    admin = principal(api("police.admin"))
    key = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid="k")
    keys = {"keys": [key.export_public(as_dict=True)]}
    for change_it in (
        lambda: own_systems.add_keys(admin, client.id, keys),
        lambda: own_systems.set_keys_url(admin, client.id, "https://keys.example/jwks"),
        lambda: own_systems.set_limits(admin, client.id, [], 5),
        lambda: own_systems.end_system(admin, client.id),
        lambda: own_systems.return_system(admin, client.id),
    ):
        with pytest.raises(NotVisible):
            change_it()
    kept = Client.objects.get(id=client.id)
    assert (kept.public_keys, kept.keys_url, kept.active) == ({"keys": []}, None, True)
