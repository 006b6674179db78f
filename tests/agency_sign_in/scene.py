"""An agency with a provider of its own, and its people: at the provider, and at the desk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.agency_sign_in import provider_client
from permissions.agency_sign_in import providers
from permissions.models import Membership, SignInProvider
from tests.support.ground.ports import free_port
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, one_time_code, text_of
from tests.support.servers.oidc_provider import CLIENT_ID, SECRET, Provider
from tests.support.servers.oidc_provider import provider as run_provider

OWN = "/desk/agency/sign-in"
BACK = "http://127.0.0.1:8000/accounts/agency-back"


class ForWholeFile:
    """pytest-django's `settings`, for what lasts longer than a test."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """The provider's process, for all tests of a worker."""
    folder: Path = tmp_path_factory.mktemp("provider")
    with run_provider(folder, free_port(), BACK, ForWholeFile()) as made:
        yield made


@pytest.fixture
def at_agency(running: Provider, network: Any, settings: Any) -> Iterator[Provider]:
    """The provider, as the product may ask it. Behind the test no agency has one."""
    settings.PROVIDER_LOOPBACK = frozenset({running.authority})
    provider_client.forget()
    yield running
    if running.process is None:
        running.start()
    running.forbid_refresh(forbid=False)
    provider_client.forget()


def given(provider: Provider, **changed: str) -> dict[str, str]:
    """What an administrator enters."""
    return {"issuer": provider.issuer, "client_id": CLIENT_ID, "secret": SECRET} | changed


def set_up(provider: Provider, who: str = "ywca.admin", **changed: str) -> Pages:
    """Set up by the administrator, and not tested yet."""
    pages = at_the_desk(who)
    answer = pages.submit(OWN, given(provider, **changed))
    assert "Saved. Test it next." in text_of(answer.content), text_of(answer.content)
    return pages


def switched_on(provider: Provider, who: str = "ywca.admin") -> SignInProvider:
    """The whole way of an administrator: set up, tested, on."""
    pages = set_up(provider, who)
    provider.account("the.administrator")
    answer = came_back(pages, provider, "the.administrator", f"{OWN}/test")
    assert "The test went well." in text_of(answer.content), text_of(answer.content)
    answer = pages.submit(f"{OWN}/on", {})
    assert "It is on." in text_of(answer.content)
    found = providers.of_agency(agency_id(who.split(".")[0]))
    assert found is not None
    return found


def sent_there(pages: Pages, path: str) -> str:
    """The address at the provider that a page leads to."""
    answer = pages.get(path)
    assert answer.status_code == 302, text_of(answer.content)
    there: str = answer["Location"]
    assert "/o/authorize" in there, there
    return there


def came_back(pages: Pages, provider: Provider, name: str, path: str) -> Any:
    """Follow a link to the provider, sign in there, and come back."""
    return pages.get(provider.sign_in(sent_there(pages, path), name), follow=True)


def entrance_of(found: SignInProvider) -> str:
    return f"/accounts/agency/{found.code}/start"


def linked(provider: Provider, own: Any, pages: Pages, name: str) -> Any:
    """The member, who is signed in, links their account of this name."""
    answer = came_back(pages, provider, name, "/desk/account/agency/start")
    assert "Linked." in text_of(answer.content), text_of(answer.content)
    return answer


def signed_in_by(provider: Provider, found: SignInProvider, own: Any, name: str) -> Pages:
    """Signed in by the provider and the own code."""
    pages = Pages()
    answer = came_back(pages, provider, name, entrance_of(found))
    assert answer.request["PATH_INFO"] == "/accounts/code", text_of(answer.content)
    answer = pages.submit("/accounts/code", {"code": one_time_code(own["totp_secret"])})
    assert answer.request["PATH_INFO"] == "/desk/", text_of(answer.content)
    return pages


def is_in(pages: Pages) -> bool:
    """Whether the desk still opens."""
    answer = pages.get("/desk/")
    assert answer.status_code in (200, 302, 503), answer.status_code
    return bool(answer.status_code == 200)


def member_of(own: Any) -> Membership:
    found: Membership = Membership.objects.using("signin").get(id=own["member_id"])
    return found


def sent_to(pages: Pages, path: str) -> str:
    """The address that a page leads to, which is not ours."""
    answer = pages.get(path)
    assert answer.status_code == 302, text_of(answer.content)
    there: str = answer["Location"]
    assert there.startswith("http://127.0.0.1:"), there
    return there
