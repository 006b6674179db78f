"""A partner system in a real browser: its administrator adds it, it gets tokens, its key is rotated
with an overlap, and it ends."""

from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk
from playwright.sync_api import Browser, expect

from tests.identity.token_requests import ask, get
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.callers import member_id
from tests.support.people.client_assertions import token_request
from tests.support.people.own_systems import ENDING, as_pem, assertion_of, pair
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("as_before")]
CLIENT_ID = f"records-{ENDING}"


def answered(server: Server, key: jwk.JWK, alg: str = "ES256") -> Any:
    signed = assertion_of(CLIENT_ID, key, server.demo["token_url"], alg)
    return ask(server, token_request(signed))


@pytest.mark.parametrize("size", TRIED)
def test_a_system_is_added_and_its_key_is_rotated(
    server: Server, chromium: Browser, size: str, tmp_path: Path
) -> None:
    old, new = pair(), pair(kty="RSA", size=2048)
    reader = str(member_id("ywca.worker"))
    desk = Desk(chromium, server, SIZES[size])
    desk.sign_in("ywca.admin")
    desk.follow("Partner systems")
    desk.follow("Add a system")
    desk.refusal = "status of 400"
    desk.press("Add the system")
    expect(desk.page.locator("#errors")).to_be_focused()
    desk.sees("Public key: Give its public key: as text, file or address.")
    desk.page.get_by_label("Name", exact=True).fill("Campus records")
    desk.page.get_by_label("Client ID").fill("records")
    desk.choose("Read our referrals and their history", "Only from the networks below")
    desk.page.get_by_label("Networks", exact=True).fill("127.0.0.1")
    desk.page.get_by_label("Public key", exact=True).fill(as_pem(old, private=True))
    desk.press("Add the system")
    desk.sees("That was a private key. Nothing of it was kept")
    expect(desk.page.get_by_label("Public key", exact=True)).to_have_value("")
    desk.page.get_by_label("Name", exact=True).fill("Campus records")
    desk.page.get_by_label("Client ID").fill("records")
    desk.choose("Read our referrals and their history", "Only from the networks below")
    desk.page.get_by_label("Networks", exact=True).fill("127.0.0.1")
    (tmp_path / "key.pem").write_text(as_pem(old))
    desk.page.get_by_label("Or a file with it").set_input_files(tmp_path / "key.pem")
    desk.press("Add the system")
    desk.sees("Added. Give its client ID to the people who run the system.")
    desk.sees(CLIENT_ID)

    issued = answered(server, old)
    assert issued.status_code == 200, issued.text
    token = issued.json()["access_token"]
    assert get(server, token, Acting_Member=reader).status_code == 200
    assert answered(server, new, "RS384").status_code == 401
    desk.page.reload()
    desk.sees("the system's proof of itself was wrong")
    expect(desk.page.get_by_text("Last used")).to_have_count(1)

    desk.follow("Add a key")
    desk.page.get_by_label("Public key", exact=True).fill(new.export_public())
    desk.press("Save")
    desk.sees("Added. The earlier keys still work")
    desk.sees("Not used in the last 30 days")
    assert get(server, token, Acting_Member=reader).status_code == 200, "nothing was taken away"
    issued = answered(server, new, "RS384")
    assert issued.status_code == 200, issued.text
    desk.page.reload()
    expect(desk.page.get_by_text("Last used")).to_have_count(2)
    desk.page.locator(f'a[href*="{old.thumbprint()}"]').click()
    desk.sees("The system gets no token with this key any more.")
    desk.sees_not("None of its other keys was used yet.")
    desk.press("Remove")
    desk.sees("Removed. No token is given for this key from now on.")
    assert answered(server, old).status_code == 401
    assert get(server, token, Acting_Member=reader).status_code == 401
    renewed = answered(server, new, "RS384").json()["access_token"]
    assert get(server, renewed, Acting_Member=reader).status_code == 200

    desk.follow("End access")
    desk.press("End access")
    desk.sees("Ended. Its open tokens ended, too.")
    assert get(server, renewed, Acting_Member=reader).status_code == 401
    assert answered(server, new, "RS384").status_code == 401
    desk.follow("Changes at our agency")
    for words in (
        *("Added a partner system", "Added a key to a partner system"),
        *("Removed a key of a partner system", "Ended the access of a partner system"),
    ):
        desk.sees(words)
    desk.check()
    desk.context.close()
