"""The devices in the list of one's own sign-ins: in plain words, and nothing finer is kept."""

from typing import Any

import pytest
from django.core.cache import cache

from api.accounts import device_names
from tests.desk.own_people import Own
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import Pages, sign_in, text_of

ACCOUNT = "/desk/account"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803) AppleWebKit/537.36 (KHTML, like"
    " Gecko) Chrome/130.0.6723.58 Mobile Safari/537.36"
)
AGENTS = {
    ANDROID: "Chrome on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/17.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " CriOS/130.0 Mobile/15E148 Safari/604.1": "Chrome on iPad",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/130.0.0.0 Safari/537.36 Edg/130.0.2849.46": "Edge on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0": (
        "Firefox on Windows"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Safari/605.1.15": "Safari on Mac",
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko)"
    " SamsungBrowser/26.0 Chrome/122.0 Mobile Safari/537.36": "Samsung Internet on Android",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/130.0 Safari/537.36": "Chrome on ChromeOS",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0": "Firefox on Linux",
    "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0": "Firefox on Android",
    "Firefox/1 <script>alert(1)</script>": "Firefox",
    "curl/8.5 (Windows NT 10.0)": "Windows",
    "": "An unknown browser",
    "x" * 10_000: "An unknown browser",
    "\x00\N{SNOWMAN}": "An unknown browser",
}


@pytest.mark.no_database
@pytest.mark.parametrize(("agent", "words"), AGENTS.items())
def test_a_browser_is_called_by_its_family_and_system(agent: str, words: str) -> None:
    for new in (True, False):
        code = device_names.code_of(agent, new=new)
        assert len(code) == 5, "the sealed codes are all of one length"
        found = device_names.device_of(code)
        assert found == (words, new)


@pytest.mark.no_database
@pytest.mark.parametrize("code", ["", "x", "chan", "chann" * 2])
def test_what_is_no_code_is_no_device(code: str) -> None:
    assert device_names.device_of(code) is None


def signed_in(own: Own, agent: str) -> Pages:
    cache.clear()  # the code is good once more
    pages = Pages(HttpClient(enforce_csrf_checks=True, HTTP_USER_AGENT=agent))
    assert sign_in(pages, own).request["PATH_INFO"] == "/desk/"
    return pages


def listed(pages: Pages) -> str:
    return text_of(pages.get(ACCOUNT).content).split("Where you are signed in")[1]


def test_the_list_names_each_device_and_says_which_was_new(own: Own) -> None:
    phone = signed_in(own, ANDROID)
    computer = signed_in(own, list(AGENTS)[4])
    said = listed(computer)
    assert "Chrome on Android (first time on this device), Demo Women's Centre" in said
    assert "Firefox on Windows (first time on this device), Demo Women's Centre" in said
    phone.submit("/desk/", action="/accounts/logout")
    cache.clear()
    sign_in(phone, own)
    said = listed(computer)
    assert "Chrome on Android, Demo Women's Centre" in said.replace(" ,", ",")
    assert said.count("first time on this device") == 1


def test_nothing_finer_and_nothing_readable_is_stored(own: Own, superuser: Any) -> None:
    signed_in(own, ANDROID)
    found = rows(
        superuser,
        "SELECT device, c::text FROM credential c WHERE person_id = %s",
        [str(own["person"].pk)],
    )
    ((device, text),) = found
    assert len(bytes(device)) == 12 + 5 + 16, "nonce, five letters, tag"
    assert b"chann" not in bytes(device)
    for said in ("Android", "Chrome", "Pixel", "Mozilla"):
        assert said not in text
        session = rows(superuser, "SELECT session_data FROM django_session")
        assert not [one for (one,) in session if said in one]
    entries = rows(
        superuser,
        "SELECT e::text FROM access_entry e WHERE member_id = %s",
        [str(own["member_id"])],
    )
    assert not [one for (one,) in entries if "chann" in one]


def test_another_sign_ins_device_put_to_the_row_is_not_shown(own: Own, superuser: Any) -> None:
    """By a writer of the database: each is sealed to its own row."""
    pages, _ = signed_in(own, ANDROID), signed_in(own, list(AGENTS)[4])
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE credential c SET device = d.device FROM credential d"
            " WHERE c.person_id = %s AND d.person_id = c.person_id AND d.hash <> c.hash",
            [str(own["person"].pk)],
        )
    superuser.commit()
    said = listed(pages)
    assert "on Android" not in said
    assert "on Windows" not in said
    assert said.count("Demo Women's Centre") >= 2


def test_a_sign_in_of_before_the_upgrade_is_listed_without_one(own: Own, superuser: Any) -> None:
    pages = signed_in(own, ANDROID)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE credential SET device = NULL")
    superuser.commit()
    assert "Android" not in listed(pages)
    assert "this one" in listed(pages)


def test_the_page_is_in_spanish_too(own: Own) -> None:
    signed_in(own, ANDROID)
    pages = signed_in(own, list(AGENTS)[1])
    answer = pages.http.get(ACCOUNT, headers={"accept-language": "es"})
    said = text_of(answer.content)
    assert "Chrome en Android" in said
    assert "Safari en iPhone" in said
    assert "primera vez en este dispositivo" in said
