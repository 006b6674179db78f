"""At the desk, for tests: the pages of somebody signed in, and one-time codes."""

import base64
import hmac
import re
import struct
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.db.models import Model

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from permissions.models import Membership, Person
from tests.support.callers import member_id
from tests.support.http_client import HttpClient

STEP_S = 30


def one_time_code(secret: str, lives_s: int = 3) -> str:
    """RFC 6238 with SHA-1, 30 seconds, six digits; one that lives for so many seconds more."""
    while time.time() % STEP_S > STEP_S - lives_s:
        time.sleep(0.1)
    key = base64.b32decode(secret, casefold=True)
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // STEP_S), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


@dataclass
class Pages:
    """A browser without script: it follows redirects and fills in forms with their hidden fields.

    CSRF is enforced, as in production.
    """

    http: HttpClient = field(default_factory=lambda: HttpClient(enforce_csrf_checks=True))

    def get(self, path: str, query: dict[str, str] | None = None, follow: bool = False) -> Any:
        return self.http.get(path, query or {}, follow=follow)

    def hidden(self, path: str, action: str = "") -> dict[str, str]:
        """The hidden fields of the form on `path` that posts to `action` (or to `path`)."""
        page = self.get(path).content.decode()
        wanted = re.escape(f'action="{action or path.partition("?")[0]}"')
        form = re.search(rf"<form[^>]*{wanted}[^>]*>(.*?)</form>", page, re.S)
        assert form, f"no form to {action or path} on {path}: {text_of(page)}"
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1])
        return {name: unescape(value) for name, value in fields}

    def submit(
        self, path: str, fields: dict[str, Any] | None = None, action: str = "", follow: bool = True
    ) -> Any:
        body = self.hidden(path, action) | (fields or {})
        return self.http.post(action or path.partition("?")[0], body, follow=follow)


def at_the_desk(who: str, *, csrf: bool = True) -> Pages:
    """Signed in as `who`, without the way through password and code.

    Without `csrf` a form's token is not asked for: for tests of who may.
    """
    member = Membership.objects.using("door").get(id=member_id(who))
    pages = Pages(HttpClient(enforce_csrf_checks=csrf))
    person = Person.objects.using("door").get(id=member.person_id)
    pages.http.force_login(person)
    session = pages.http.session
    session[SESSION_KEY] = credentials.open_for_member(member)
    session.save()
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
