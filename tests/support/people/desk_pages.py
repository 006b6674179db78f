"""At the desk, for tests: the pages of somebody signed in, and one-time codes."""

import base64
import hmac
import re
import struct
import time
from dataclasses import dataclass, field
from html import unescape
from types import SimpleNamespace
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.db import connection
from django.db.models import Model

from api.accounts import idle_lock
from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from permissions.models import Membership, Person
from tests.support.ground.http_client import HttpClient
from tests.support.people.callers import member_id

STEP_S = 30


def one_time_code(secret: str, lives_s: int = 3, phone_off_s: int = 0) -> str:
    """RFC 6238 with SHA-1, 30 seconds, six digits; one that lives for so many seconds more.

    `phone_off_s`: how many seconds the phone that shows it is ahead.
    """
    while time.time() % STEP_S > STEP_S - lives_s:
        time.sleep(0.1)
    key = base64.b32decode(secret, casefold=True)
    digest = hmac.digest(key, struct.pack(">Q", int(time.time() + phone_off_s) // STEP_S), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


@dataclass
class Pages:
    """A browser without script: it follows redirects and fills in forms with their hidden fields.

    CSRF is enforced, as in production.
    """

    http: HttpClient = field(default_factory=lambda: HttpClient(enforce_csrf_checks=True))

    @property
    def principal(self) -> Any:
        """Who is signed in; None if no one is."""
        return credentials.resolve_credential(self.http.session[SESSION_KEY])

    def get(self, path: str, query: dict[str, str] | None = None, follow: bool = False) -> Any:
        return self.http.get(path, query or {}, follow=follow)

    def hidden(self, path: str, action: str = "") -> dict[str, Any]:
        """The hidden fields of the form on `path` that posts to `action` (or to `path`)."""
        page = self.get(path).content.decode()
        wanted = re.escape(f'action="{action or path.partition("?")[0]}"')
        form = re.search(rf"<form[^>]*{wanted}[^>]*>(.*?)</form>", page, re.S)
        assert form, f"no form to {action or path} on {path}: {text_of(page)}"
        found: dict[str, Any] = {}
        for name, value in re.findall(
            r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]
        ):
            several = found.get(name)
            found[name] = (
                unescape(value) if several is None else [*_listed(several), unescape(value)]
            )
        return found

    def submit(
        self, path: str, fields: dict[str, Any] | None = None, action: str = "", follow: bool = True
    ) -> Any:
        body = self.hidden(path, action) | (fields or {})
        return self.http.post(action or path.partition("?")[0], body, follow=follow)

    def submit_steps(self, path: str, fields: dict[str, Any]) -> Any:
        """Fill in a form that is asked in steps, each with those fields that it shows, up to the
        first step that is refused or the page where it ends."""
        at, answer = f"{path}?step=1", None
        while answer is None or answer.request["PATH_INFO"] == path:
            page = self.get(at).content.decode()
            shown = set(re.findall(r'name="([^"]+)"', page))
            times = dict(re.findall(r'"datetime-local" name="([^"]+)" value="([^"]+)"', page))
            given = {name: one for name, one in fields.items() if name in shown}
            answer = self.submit(at, times | given)
            then = f"{answer.request['PATH_INFO']}?{answer.request['QUERY_STRING']}"
            if then == at or "has-error" in answer.content.decode():
                break
            at = then
        return answer


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def at_the_desk(who: str, *, csrf: bool = True, code_age_s: float = 0) -> Pages:
    """Signed in as `who`, without the way through password and code, which was given so many
    seconds ago.

    Without `csrf` a form's token is not asked for: for tests of who may.
    """
    member = Membership.objects.using("signin").get(id=member_id(who))
    return desk_of(member, csrf=csrf, code_age_s=code_age_s)


def desk_of(member: Membership, *, csrf: bool = True, code_age_s: float = 0) -> Pages:
    """The same, for a member who is not of the cast."""
    pages = Pages(HttpClient(enforce_csrf_checks=csrf))
    person = Person.objects.using("signin").get(id=member.person_id)
    pages.http.force_login(person)
    session = pages.http.session
    session[SESSION_KEY] = credentials.open_for_member(member, code_age_s)
    record_authentication(SimpleNamespace(session=session), person, "mfa")  # type: ignore[arg-type]
    session.save()
    proofs_are_older(pages, code_age_s)
    return pages


def sign_in(pages: Pages, person: dict[str, Any], path: str = "/desk/", **changed: str) -> Any:
    """The whole way: a page that asks to sign in, password, code, and where it leads."""
    first = pages.get(path, follow=True)
    assert first.request["PATH_INFO"] == "/accounts/login", first.request
    asked = f"/accounts/login?{first.request['QUERY_STRING']}"
    given = {"login": person["username"], "password": person["password"]} | changed
    answer = pages.submit(asked, given, follow=True)
    if answer.request["PATH_INFO"] != "/accounts/code":
        return answer
    code = changed.get("code") or one_time_code(person["totp_secret"])
    return pages.submit("/accounts/code", {"code": code}, follow=True)


def as_app(sql: str) -> list[Any]:
    """The rows as the server reads them, in the transaction that is open if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def rows(superuser: Any, model: type[Model]) -> int:
    """How many rows a table holds, read past every policy."""
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
        found = cursor.fetchone()[0]
    superuser.commit()
    return int(found)


def text_of(page: str | bytes) -> str:
    """What a reader of the page reads, with single spaces."""
    page = page.decode() if isinstance(page, bytes) else page
    page = re.sub(r"<(head|style)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def idle(pages: Pages, seconds: float = settings.IDLE_LOCK_S) -> None:
    """Let the session of these pages be unused for so long."""
    session = pages.http.session
    session[idle_lock.SEEN] = session.get(idle_lock.SEEN, 0) - seconds
    session.save()


def proofs_are_older(pages: Pages, seconds: float = settings.FRESH_PROOF_S) -> None:
    """Let what the session proved of its person be so much older."""
    session = pages.http.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        one | {"at": one["at"] - seconds} for one in session[AUTHENTICATION_METHODS_SESSION_KEY]
    ]
    session.save()
