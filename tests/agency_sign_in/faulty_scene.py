"""An agency whose provider says what a test wants it to."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from jwcrypto import jwk

from api.agency_sign_in import provider_client
from permissions.agency_sign_in import providers
from tests.agency_sign_in.scene import OWN, entrance_of, member_of, sent_to
from tests.desk.own_people import Own
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, desk_of, one_time_code, text_of
from tests.support.servers.oidc_faults import FaultyProvider, faulty_provider
from tests.support.servers.oidc_provider import CLIENT_ID, SECRET, asked

NOW = int(time.time())
OTHER = jwk.JWK.generate(kty="EC", crv="P-256", kid="one")
SHARED = jwk.JWK(kty="oct", k=base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="))
BACK = "/accounts/agency-back"
WORDS = "Your agency's sign-in did not let you in here."


@pytest.fixture
def faulty(network: Any, settings: Any) -> Iterator[FaultyProvider]:
    provider_client.forget()
    with faulty_provider(settings) as made:
        yield made
    provider_client.forget()


def turned_on(faulty: FaultyProvider, who: str = "ywca.admin") -> Any:
    """Set up, tested and switched on by the administrator."""
    pages = at_the_desk(who)
    pages.submit(OWN, {"issuer": faulty.issuer, "client_id": CLIENT_ID, "secret": SECRET})
    answer = brought_back(pages, faulty, f"{OWN}/test")
    assert "The test went well." in text_of(answer.content), text_of(answer.content)
    pages.submit(f"{OWN}/on", {})
    found = providers.of_agency(agency_id(who.split(".")[0]))
    assert found is not None
    assert found.active
    return found


def brought_back(
    pages: Pages, faulty: FaultyProvider, path: str, *, token: str = "", **changed: Any
) -> Any:
    """Follow a link to the provider, and come back with a code for a token with these claims."""
    sent = asked(sent_to(pages, path))
    faulty.gives(token or faulty.signed(faulty.claims(sent["nonce"], **changed)))
    return pages.get(BACK, {"code": "one", "state": sent["state"]}, follow=True)


@pytest.fixture
def on(faulty: FaultyProvider, own: Own) -> Any:
    """The agency's sign-in is on, and the member's account there is linked."""
    found = turned_on(faulty)
    answer = brought_back(desk_of(member_of(own)), faulty, "/desk/account/agency/start")
    assert "Linked." in text_of(answer.content), text_of(answer.content)
    return found


def signed_in(on: Any, faulty: FaultyProvider, own: Own) -> Pages:
    pages = Pages()
    brought_back(pages, faulty, entrance_of(on))
    cache.clear()
    answer = pages.submit("/accounts/code", {"code": one_time_code(own["totp_secret"])})
    assert answer.request["PATH_INFO"] == "/desk/"
    return pages
