"""Who may sign, once, for what was asked, and in time; and what a copy of the database opens."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.utils import ProgrammingError

from permissions.errors import Unavailable
from permissions.keys.derived_keys import derived_from, derived_key
from permissions.keys.keystore import unseal
from referrals.releases import lifecycle
from referrals.signing import pending, signatures
from referrals.signing.signed_record import signed_terms
from tests.signing.scene import (
    DRAWN,
    ON_PHONE,
    ON_SCREEN,
    ask,
    draw,
    officer,
    page_of,
    path_of,
    record,
    releases,
    secret_of,
)
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id, principal
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import Story, notes, service_of

COLUMNS = "about_hash, signature_id, secret_hash, gone_at, sealed"


@pytest.fixture
def draft(story: Story) -> Story:
    return story.create()


def is_dead(link: str) -> bytes:
    """The answer of an address at which there is nothing to sign, which is always the same."""
    seen, signed = Pages().get(link), draw(link)
    assert (seen.status_code, signed.status_code) == (404, 404)
    assert seen.content == signed.content
    page: bytes = seen.content
    assert "There is nothing to sign here" in text_of(page)
    return page


def test_a_guess_a_used_a_stopped_and_a_replaced_page_are_answered_alike(
    draft: Story, api: Any
) -> None:
    guess = is_dead("/sign/" + "A" * 43)
    desk = officer()
    used = ask(desk, draft.id)
    draw(used)
    assert is_dead(used) == guess
    stopped = ask(desk, draft.id)
    desk.submit(page_of(draft.id), {"what": "stop"})
    assert is_dead(stopped) == guess
    replaced = ask(desk, draft.id)
    newest = ask(desk, draft.id, ON_SCREEN)
    assert is_dead(replaced) == guess
    assert is_dead("/sign/" + "%C3%A9") == guess
    assert Pages().get(newest).status_code == 200
    assert releases(api, "police.worker", draft.id) == []


def test_other_terms_kill_the_page(draft: Story, api: Any) -> None:
    desk = officer()
    first = ask(desk, draft.id)
    second = ask(desk, draft.id, ON_PHONE | {"fields_": ["name"]})
    is_dead(first)
    draw(second)
    record(desk, draft.id)
    (kept,) = releases(api, "police.worker", draft.id)
    assert kept["fields"] == ["name"]


def test_ten_minutes_to_sign_and_an_hour_to_record(
    draft: Story, api: Any, shift_clock: Any
) -> None:
    desk = officer()
    late = ask(desk, draft.id)
    shift_clock("10 minutes")
    is_dead(late)
    assert desk.get(page_of(draft.id)).status_code == 404
    in_time = ask(desk, draft.id)
    shift_clock("19 minutes 40 seconds")
    assert draw(in_time).status_code == 200
    shift_clock("78 minutes")
    assert desk.get(page_of(draft.id)).status_code == 200
    shift_clock("81 minutes")
    assert desk.get(page_of(draft.id)).status_code == 404
    assert releases(api, "police.worker", draft.id) == []


def test_what_is_over_is_deleted(draft: Story, superuser: Any, shift_clock: Any) -> None:
    ask(officer(), draft.id)
    pending.step()
    assert len(rows(superuser, "SELECT signature_id FROM signing")) == 1
    shift_clock("10 minutes")
    pending.step()
    pending.step()
    assert rows(superuser, "SELECT signature_id FROM signing") == []


def test_only_the_one_who_asked_goes_on_in_the_same_browser(draft: Story, api: Any) -> None:
    draft.send()
    desk = officer()
    draw(ask(desk, draft.id))
    draft.sends("assign", {"member_id": str(member_id("police.worker2"))})
    for who in ("police.worker2", "police.lead", "ywca.worker", "police.worker"):
        other = at_the_desk(who, csrf=False)
        assert other.get(page_of(draft.id)).status_code == 404, who
        if who == "police.worker":
            continue
        other.http.cookies["signing"] = secret_of(desk)
        assert other.get(page_of(draft.id)).status_code == 404, who
        for what in ("record", "stop", "hand_over"):
            assert other.http.post(page_of(draft.id), {"what": what}).status_code == 404
    assert releases(api, "police.worker", draft.id) == []
    record(desk, draft.id)
    assert len(releases(api, "police.worker", draft.id)) == 1


def test_a_signature_is_for_one_referral_and_one_release(draft: Story, api: Any) -> None:
    other = Story(api, service_of("ywca")).create()
    desk = at_the_desk("police.worker", csrf=False)
    draw(ask(desk, draft.id))
    secret = secret_of(desk)
    for path in (
        page_of(other.id),
        page_of(draft.id, "put_notice_release"),
        page_of(draft.id, "x"),
    ):
        desk.http.cookies["signing"] = secret
        assert desk.get(path).status_code == 404, path
        assert desk.http.post(path, {"what": "record"}).status_code == 404, path
    assert releases(api, "police.worker", other.id) == []


def test_nothing_is_recorded_before_it_is_signed(draft: Story, api: Any) -> None:
    desk = officer()
    ask(desk, draft.id)
    hidden = desk.hidden(page_of(draft.id))
    answer = desk.http.post(page_of(draft.id), hidden | {"what": "record"})
    assert (answer.status_code, "Nothing was signed yet." in text_of(answer.content)) == (409, True)
    assert releases(api, "police.worker", draft.id) == []


@pytest.mark.parametrize("drawn", ["", "[]", "[[[5,5]]]", "x", "[[[1,2,3]]]", '"' * 70_000])
def test_what_is_no_signature_changes_nothing(draft: Story, drawn: str) -> None:
    link = ask(officer(), draft.id)
    answer = draw(link, drawn)
    assert answer.status_code in (400, 409)
    assert 'id="refused"' in answer.content.decode()
    assert draw(link).status_code == 200


def test_two_who_sign_at_once_are_one_signature(draft: Story, api: Any) -> None:
    desk = officer()
    link = ask(desk, draft.id)

    def sign(_: int) -> int:
        try:
            return int(draw(link).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(sign, range(4)))
    assert found == [200, 404, 404, 404]
    record(desk, draft.id)
    assert len(releases(api, "police.worker", draft.id)) == 1


def test_stopped_while_they_sign(draft: Story, api: Any) -> None:
    desk = officer()
    link = ask(desk, draft.id)
    assert Pages().get(link).status_code == 200
    desk.submit(page_of(draft.id), {"what": "stop"})
    is_dead(link)
    assert desk.get(page_of(draft.id)).status_code == 404


def test_twice_and_killed_half_way_is_one_release(draft: Story, api: Any, superuser: Any) -> None:
    """The row comes back as it was: a process was killed after the release was stored."""
    desk = at_the_desk("police.worker", csrf=False)
    draw(ask(desk, draft.id))
    secret = secret_of(desk)
    kept = rows(superuser, f"SELECT {COLUMNS} FROM signing")[0]
    record(desk, draft.id)
    desk.http.cookies["signing"] = secret
    assert desk.http.post(page_of(draft.id), {"what": "record"}).status_code == 404
    with superuser.cursor() as cursor:
        cursor.execute(f"INSERT INTO signing ({COLUMNS}) VALUES (%s, %s, %s, %s, %s)", kept)
    desk.http.cookies["signing"] = secret
    assert desk.get(page_of(draft.id)).status_code == 404  # the journal knows that it was used
    assert len(releases(api, "police.worker", draft.id)) == 1
    assert len(notes(api, "police.worker", draft, "signature")) == 1


def test_the_same_signature_recorded_again_finds_the_release(draft: Story, api: Any) -> None:
    """As `twice`, before the journal was written: the act itself knows the signature."""
    desk = officer()
    draw(ask(desk, draft.id))
    content = pending.find(secret_of(desk))
    assert content.record is not None
    terms = signed_terms(content.signature_id, content.record)
    me = principal(api("police.worker"))
    lifecycle.put_release(me, content.referral_id, terms)
    signatures.record(me, content.referral_id, "put_release", secret_of(desk))
    (kept,) = releases(api, "police.worker", draft.id)
    assert kept["in_force"] is True


def test_a_row_that_was_moved_or_changed_is_none(draft: Story, superuser: Any, api: Any) -> None:
    other = Story(api, service_of("ywca")).create()
    desk, second = officer(), officer()
    link, theirs = ask(desk, draft.id), ask(second, other.id)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE signing a SET sealed = b.sealed FROM signing b WHERE a.ctid <> b.ctid"
        )
    is_dead(link)
    is_dead(theirs)
    link = ask(desk, draft.id)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE signing SET about_hash = sha256('x') WHERE secret_hash = sha256(%s)",
            [secret_of(desk).encode()],
        )
    is_dead(link)


def test_an_unsigned_row_put_back_cannot_be_recorded(draft: Story, superuser: Any) -> None:
    desk = officer()
    link = ask(desk, draft.id)
    before = rows(superuser, "SELECT sealed, gone_at FROM signing")[0]
    draw(link)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE signing SET sealed = %s, gone_at = %s", before)
    answer = desk.http.post(page_of(draft.id), desk.hidden(page_of(draft.id)) | {"what": "record"})
    assert answer.status_code == 409


def test_the_database_holds_no_secret_and_nothing_of_what_was_signed(
    draft: Story, superuser: Any
) -> None:
    desk = officer()
    link = ask(desk, draft.id)
    draw(link, name_self="Invented Person")
    marks = [secret_of(desk), "417,293", "[417", "Invented Person", draft.id.replace("-", "")]
    kept = str([[_plain(one) for one in row] for row in rows(superuser, "SELECT * FROM signing")])
    for mark in marks:
        assert mark not in kept
    record(desk, draft.id)
    everything = str(
        [[_plain(one) for one in row] for row in rows(superuser, "SELECT * FROM note")]
    ) + str(rows(superuser, "SELECT * FROM release"))
    for mark in marks[:4]:
        assert mark not in everything


def _plain(value: Any) -> Any:
    return bytes(value).decode("latin-1") if isinstance(value, memoryview | bytes) else value


def test_not_even_the_servers_own_key_opens_a_row_without_the_pages_secret(
    draft: Story, superuser: Any
) -> None:
    ask(officer(), draft.id)
    sealed, signature = rows(superuser, "SELECT sealed, signature_id FROM signing")[0]
    for key in (derived_key("signing"), derived_from(settings.SECRET_KEY.encode(), "signing ")):
        with pytest.raises(Unavailable):
            unseal(key, bytes(sealed), str(signature))


def test_the_page_of_another_role_of_the_database_is_closed(network: Any) -> None:
    """`app` reads no row of it: tests/database/test_rls_catalogue.py holds the list."""
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM signing")


def test_terms_that_the_law_refuses_make_no_page(draft: Story, superuser: Any) -> None:
    given = ON_PHONE | {"attestations": ON_PHONE["attestations"][1:]}
    page = officer().submit_steps(path_of(draft.id), given)
    assert "attestations are missing" in text_of(page.content)
    assert rows(superuser, "SELECT signature_id FROM signing") == []


def test_who_may_not_record_a_release_may_not_ask_for_a_signature(
    draft: Story, superuser: Any
) -> None:
    draft.send().accept()
    pages = at_the_desk("ywca.worker", csrf=False)
    answer = pages.http.post(path_of(draft.id), ON_PHONE | {"step": "3"})
    assert answer.status_code in (302, 403, 404)
    assert rows(superuser, "SELECT signature_id FROM signing") == []


def test_what_ended_meanwhile_is_refused_at_the_recording(draft: Story, api: Any) -> None:
    draft.send()
    desk = officer()
    draw(ask(desk, draft.id))
    draft.sends("withdraw", {"code": "no_longer_wanted"})
    answer = record(desk, draft.id)
    assert answer.status_code == 409
    assert releases(api, "police.worker", draft.id) == []
    assert json.dumps(DRAWN) not in answer.content.decode()


def test_a_page_that_is_asked_for_is_an_entry_and_a_dead_one_is_counted(
    draft: Story, superuser: Any
) -> None:
    ask(officer(), draft.id)
    (entry,) = rows(
        superuser,
        "SELECT referral_id::text FROM access_entry WHERE act = 'referral.ask_signature'"
        f" AND referral_id = '{draft.id}'",
    )
    assert entry == (draft.id,)
