"""The operator as the database's owner, and at every page: signs in as no one and opens nothing.

Each row that lets someone in is written by hand, as one who has the whole database and no key would
write it. The commands: test_operator_commands.py. tests/identity/test_bound_*.py have each column.
"""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.urls import URLPattern, URLResolver, get_resolver
from structlog.testing import capture_logs

from api.accounts.session_store import SessionStore, row_of
from api.desk.referral.release import release_paper
from api.http.authentication import SESSION_KEY
from permissions.enrollment.invitation_rows import hash_secret
from tests.desk.own_people import Own, factors
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.identity.bound_rows import forged_credential, write
from tests.support.ground.http_client import HttpClient
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, sign_in, text_of
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story

PASSWORD = "a long enough phrase"


def tries(superuser: Any) -> int:
    """Refused tries that the log knows of, those that it only counts included."""
    ((found,),) = rows(
        superuser,
        "SELECT (SELECT count(*) FROM access_entry WHERE decision = 'refused')"
        " + (SELECT coalesce(sum(value::int), 0) FROM refusal_count, jsonb_each_text(counts))",
    )
    superuser.rollback()
    return int(found)


def is_loud(superuser: Any, ask: Callable[[], Any], event: str = "row_not_bound") -> Any:
    """503 with an entry and a line in the server's log; no one is signed in by it."""
    before = tries(superuser)
    with capture_logs() as logged:
        answer = ask()
    assert answer.status_code == 503, text_of(answer.content)
    assert event in {one["event"] for one in logged}
    assert tries(superuser) > before, "and the try is in the access log"
    return answer


def own_hash(superuser: Any, own: Own) -> None:
    write(
        superuser,
        "UPDATE permissions_person SET password = %s WHERE id = %s",
        [make_password(PASSWORD), str(own["person"].pk)],
    )


def test_a_password_of_the_owners_choice_signs_no_one_in(own: Own, superuser: Any) -> None:
    """With the member's own app, too, as if the operator had taken their phone."""
    own_hash(superuser, own)
    pages = Pages()
    is_loud(superuser, lambda: sign_in(pages, own | {"password": PASSWORD}))
    assert SESSION_KEY not in pages.http.session


def test_nor_does_a_second_factor_of_the_owners(own: Own, make_own: Any, superuser: Any) -> None:
    """The app of a person whom the owner knows, put to the member's row."""
    theirs = make_own()
    write(superuser, "DELETE FROM mfa_authenticator WHERE user_id = %s", [str(own["person"].pk)])
    write(
        superuser,
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
        " SELECT %s, type, data, now() FROM mfa_authenticator WHERE id = %s",
        [str(own["person"].pk), factors(theirs)["totp"].pk],
    )
    pages = Pages()
    before = tries(superuser)
    answer = sign_in(pages, own | {"totp_secret": theirs["totp_secret"]})
    assert answer.request["PATH_INFO"] != "/desk/"
    assert SESSION_KEY not in pages.http.session
    assert tries(superuser) > before


def test_a_person_of_the_owners_making_is_a_member_of_no_agency(own: Own, superuser: Any) -> None:
    """With password and app of their own, and a membership of the owner's making."""
    fake = str(uuid4())
    names = [
        name
        for (name,) in rows(
            superuser,
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'permissions_person'"
            " AND column_name NOT IN ('id', 'username', 'password')",
        )
    ]
    write(
        superuser,
        f"INSERT INTO permissions_person (id, username, password, {', '.join(names)})"
        f" SELECT %s, 'new.operator', %s, {', '.join(names)} FROM permissions_person WHERE id = %s",
        [fake, make_password(PASSWORD), str(own["person"].pk)],
    )
    write(
        superuser,
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
        " SELECT %s, type, data, now() FROM mfa_authenticator WHERE user_id = %s",
        [fake, str(own["person"].pk)],
    )
    write(
        superuser,
        "UPDATE permissions_membership SET person_id = %s WHERE id = %s",
        [fake, str(own["member_id"])],
    )
    pages = Pages()
    fake_person = own | {"username": "new.operator", "password": PASSWORD}
    is_loud(superuser, lambda: sign_in(pages, fake_person))
    assert SESSION_KEY not in pages.http.session
    write(
        superuser,
        "UPDATE permissions_membership SET person_id = %s WHERE id = %s",
        [str(own["person"].pk), str(own["member_id"])],
    )


def test_roles_and_an_agency_of_the_owners_choice_let_a_member_in_nowhere(
    own: Own, superuser: Any
) -> None:
    """A member whom the operator knows, moved to another agency, or made its administrator."""
    for change in (f"agency_id = '{agency_id('police')}'", "roles = '{agency_admin,lead,worker}'"):
        kept = rows(
            superuser,
            "SELECT agency_id::text, roles FROM permissions_membership WHERE id = %s",
            [str(own["member_id"])],
        )[0]
        write(
            superuser,
            f"UPDATE permissions_membership SET {change} WHERE id = %s",
            [str(own["member_id"])],
        )
        pages = Pages()
        is_loud(superuser, lambda pages=pages: sign_in(pages, own))
        assert SESSION_KEY not in pages.http.session
        write(
            superuser,
            "UPDATE permissions_membership SET agency_id = %s, roles = %s WHERE id = %s",
            [*kept, str(own["member_id"])],
        )
        cache.clear()  # the app's code is good once more
    assert sign_in(Pages(), own).request["PATH_INFO"] == "/desk/", "and as it was, in"


def test_a_sign_in_of_the_owners_making_opens_no_packet(sealed: Story, superuser: Any) -> None:
    forged = forged_credential(superuser, agency_id("ywca"), member_id(sealed.recipient))
    answer = is_loud(superuser, lambda: forged.act(sealed.id, "open_packet", {"purpose": "intake"}))
    assert not [one for one in PACKET.values() if one in answer.content.decode()]


@pytest.mark.parametrize("kind", ["join", "reset"])
def test_a_link_of_the_owners_making_lets_no_one_in(own: Own, superuser: Any, kind: str) -> None:
    secret = "the-operators-own-secret-of-a-link-12345678"
    write(
        superuser,
        "INSERT INTO permissions_invitation (id, kind, token_hash, agency_id, name, roles,"
        " invited_by_id, member_id, created_at, expires_at, mac) SELECT %s, %s, %s, agency_id,"
        " 'The Operator', '{agency_admin}', %s, CASE WHEN %s = 'reset' THEN id END, now(),"
        " now() + interval '1 day', %s FROM permissions_membership WHERE id = %s",
        [
            *(str(uuid4()), kind, hash_secret(secret), str(member_id("ywca.admin")), kind),
            *(b"\0\1" + bytes(32), str(own["member_id"])),
        ],
    )
    pages = Pages()
    with capture_logs() as logged:
        answer = pages.get(f"/join/{secret}", follow=True)
    assert answer.status_code == 503
    assert "row_not_bound" in {one["event"] for one in logged}
    assert SESSION_KEY not in pages.http.session
    write(superuser, "DELETE FROM permissions_invitation WHERE name = 'The Operator'")


def test_a_session_row_of_the_owners_making_is_no_ones(own: Own, superuser: Any) -> None:
    """Their own cookie, with the content of a member's row, which that member's cookie seals."""
    member = Pages()
    assert sign_in(member, own).request["PATH_INFO"] == "/desk/"
    theirs = row_of(member.http.cookies[settings.SESSION_COOKIE_NAME].value)
    mine = "abcdefghijklmnopqrstuvwxyz012345"
    write(
        superuser,
        "INSERT INTO django_session (session_key, session_data, expire_date)"
        " SELECT %s, session_data, expire_date FROM django_session WHERE session_key = %s",
        [row_of(mine), theirs],
    )
    assert dict(SessionStore(mine).items()) == {}
    operator = Pages()
    operator.http.cookies[settings.SESSION_COOKIE_NAME] = mine
    answer = operator.get("/desk/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login"


# What `signin` may call, whose address the server has: none answers with anything that lets in.
OF_SIGN_IN: dict[str, str] = {
    "begin_practice_agency": "uuid",
    "clock": "timestamp with time zone",
    "end_exercise": "void",
    "give_turn_back": "void",
    "key_claim": "text",  # what a call is answered
    "log_own_system_change": "void",
    "log_refusal": "void",
    "log_sign_in": "void",
    "queue_account_message": "integer",  # how many were queued
    "remembered_timeline": "text",  # of the server, as nothing secret
    "require_timeline": "void",
    "reset_channels": "TABLE(kind text, address text, language text)",  # where a link may go
    "shift": "interval",
    "wait_for_turn": "interval",
}


def test_no_function_of_the_sign_in_gives_its_caller_a_secret(superuser: Any) -> None:
    found = rows(
        superuser,
        "SELECT p.proname, pg_get_function_result(p.oid) FROM pg_proc p"
        " WHERE p.pronamespace = 'sec'::regnamespace"
        " AND has_function_privilege('signin', p.oid, 'EXECUTE') ORDER BY 1",
    )
    assert dict(found) == OF_SIGN_IN


# -- At the pages ----------------------------------------------------------------------------------


def paths(patterns: Any, before: str = "") -> list[str]:
    """Every address of the server, with an id for what it asks for."""
    found: list[str] = []
    for one in patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            found += paths(one.url_patterns, here)
        elif isinstance(one, URLPattern):
            found.append("/" + re.sub(r"<uuid:\w+>", str(uuid4()), here).lstrip("^/").rstrip("$"))
    return found


def test_there_is_no_page_for_the_operator_and_none_knows_them(superuser: Any) -> None:
    """Signed in as no one, as the operator is: no page under /desk answers with anything of it."""
    every = paths(get_resolver().url_patterns)
    assert len(every) > 150
    assert not [path for path in every if "admin" in path]
    asked = [path for path in every if path.startswith("/desk") and "<" not in path]
    assert len(asked) > 60
    for path in asked:
        answer = HttpClient().get(path)
        led = answer.status_code == 302 and "/accounts/login" in answer["Location"]
        assert led or answer.status_code in (401, 403, 404, 405), (path, answer.status_code)


# -- What no program prevents ----------------------------------------------------------------------


def test_who_controls_the_host_and_its_keys_is_said_where_a_reader_looks() -> None:

    page = text_of(HttpClient().get("/who-sees-what").content)
    assert "full control of the server and its keys can read what passes through it" in page
    security = " ".join((REPOSITORY / "SECURITY.md").read_text().split())
    assert "An operator with the code *and* the keys** can read live traffic" in security
    assert "takes over the host" in security
    for language, words in (
        ("en", "could open it with its server and its keys. They are not allowed to."),
        ("es", "podrían abrirlo con su servidor y sus claves. No les está permitido."),
    ):
        assert words in release_paper.permission_text(language).operator
