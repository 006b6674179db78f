"""The brake on sign-in stops who guesses, and keeps nobody out of their own computer."""

from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache

from api.accounts import sign_in_brake
from permissions.models import Credential
from tests.desk.people import person as person  # a fixture
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import Pages, one_time_code, sign_in, text_of

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.7"
WRONG = {"password": "wrong wrong wrong"}
TOO_MANY = "Too many tries"


def at(address: str, device: str = "") -> Pages:
    pages = Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR=address))
    if device:
        pages.http.cookies[settings.DEVICE_COOKIE_NAME] = device
    return pages


def device_of(pages: Pages) -> str:
    return str(pages.http.cookies[settings.DEVICE_COOKIE_NAME].value)


def is_in(answer: Any) -> bool:
    return bool(answer.request["PATH_INFO"] == "/desk/")


@pytest.fixture
def known(person: Any) -> str:
    """The cookie of a computer on which police.worker has signed in."""
    pages = at(HOME)
    assert is_in(sign_in(pages, person("police.worker")))
    cache.clear()  # the code is good once more
    return device_of(pages)


def test_a_stranger_behind_the_same_address_closes_it_for_no_known_computer(
    person: Any, known: str
) -> None:
    for number in range(12):
        nobody = {"username": f"nobody{number}", "totp_secret": ""} | WRONG
        answer = sign_in(at(HOME), nobody)
    assert TOO_MANY in text_of(answer.content)
    assert answer.status_code == 429
    assert TOO_MANY in text_of(sign_in(at(HOME), person("police.worker")).content), "a new one"
    assert is_in(sign_in(at(HOME, known), person("police.worker")))


def test_wrong_passwords_for_her_name_from_her_own_network_do_not_either(
    person: Any, known: str
) -> None:
    officer = person("police.worker")
    for _ in range(6):
        sign_in(at(HOME), officer | WRONG)
    assert TOO_MANY in text_of(sign_in(at(HOME), officer).content)
    assert is_in(sign_in(at(HOME, known), officer))


def test_who_knows_the_password_closes_the_code_step_for_no_one_else(
    person: Any, known: str
) -> None:
    officer = person("police.worker")
    for _ in range(6):
        answer = sign_in(at(ELSEWHERE), officer, code="000000")
    assert TOO_MANY in text_of(answer.content)
    code = one_time_code(officer["totp_secret"], lives_s=15)
    assert TOO_MANY in text_of(sign_in(at(ELSEWHERE), officer, code=code).content), "not there"
    assert is_in(sign_in(at("192.0.2.7"), officer, code=code)), "another network, a new computer"


def test_who_knows_the_password_and_has_many_addresses_finds_no_code(
    person: Any, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sign_in_brake, "OF_CODE_ANYWHERE", sign_in_brake.OF_CODE_ANYWHERE._replace(most=8)
    )
    officer = person("police.worker")
    for number in range(9):
        answer = sign_in(at(f"203.0.{number}.7"), officer, code="000000")
    assert TOO_MANY in text_of(answer.content)
    assert is_in(sign_in(at(HOME, known), officer))


def test_a_stolen_device_cookie_opens_nothing_and_is_of_no_use_for_another_name(
    person: Any, known: str
) -> None:
    for _ in range(6):
        answer = sign_in(at(ELSEWHERE, known), person("ywca.worker") | WRONG)
    assert TOO_MANY in text_of(answer.content)
    for _ in range(6):
        answer = sign_in(at(ELSEWHERE, known), person("police.worker") | WRONG)
    assert TOO_MANY in text_of(answer.content), "with it there are five tries, too"
    assert Credential.objects.count() == 1


@pytest.mark.parametrize("cookie", ["x", "", "WyJ4IixbXV0:1abc:" + "x" * 43])
def test_an_invented_device_is_none(person: Any, cookie: str) -> None:
    for number in range(12):
        nobody = {"username": f"nobody{number}", "totp_secret": ""} | WRONG
        answer = sign_in(at(HOME, cookie), nobody)
    assert answer.status_code == 429


def test_the_cookie_names_no_one_and_is_kept_when_she_signs_out(person: Any, known: str) -> None:
    assert "police" not in known
    pages = at(HOME, known)
    sign_in(pages, person("police.worker"))
    answer = pages.submit("/accounts/logout", follow=False)
    assert '"cookies"' not in answer["Clear-Site-Data"]
    gone = {name for name, one in answer.cookies.items() if not one.value}
    assert {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME} <= gone
    assert settings.DEVICE_COOKIE_NAME not in answer.cookies
    cookie = sign_in_and_look(person)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"


def sign_in_and_look(person: Any) -> Any:
    pages = at(HOME)
    sign_in(pages, person("police.lead"))
    return pages.http.cookies[settings.DEVICE_COOKIE_NAME]


def test_right_passwords_are_not_counted(person: Any) -> None:
    for _ in range(12):
        answer = sign_in(at(HOME), person("police.worker"), code="000000")
        if TOO_MANY in text_of(answer.content):
            break
    assert answer.request["PATH_INFO"] == "/accounts/code", "stopped at the code, not before"
