"""A key and a token are good from their system's networks only."""

from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from structlog.testing import capture_logs

from api.dev import demo
from permissions.identity import credentials, partner_clients
from permissions.models import Client
from tests.identity.token_requests import ask, credentials_held, entries, get, token
from tests.support.ground.live_server import Server
from tests.support.people.callers import agency_id, member_id
from tests.support.people.client_assertions import assertion, token_request


def held_to(client_id: UUID, *networks: str) -> None:
    with transaction.atomic(using="signin"):
        partner_clients.save_narrowed(
            Client.objects.get(id=client_id), networks=list(networks) or None
        )


def test_a_key_and_a_token_are_good_where_their_system_may_come_from_and_nowhere_else(
    server: Server, superuser: Any
) -> None:
    """Over real sockets, so from 127.0.0.1 (TH2)."""
    client_id = uuid5(demo.NAMESPACE, "client police")
    officer = str(member_id("police.worker"))
    anywhere = token(server)
    try:
        held_to(client_id, "203.0.113.0/24", "127.0.0.0/8")
        assert get(server, anywhere, Acting_Member=officer).status_code == 401, "it ended with this"
        here = token(server)
        assert get(server, here, Acting_Member=officer).status_code == 200
        held_to(client_id, "203.0.113.0/24", "2001:db8::/32")
        assert get(server, here, Acting_Member=officer).status_code == 401
        elsewhere = f"a-token-of-elsewhere-{uuid4()}"
        system = Client.objects.get(id=client_id)
        credentials.open_for_client(system, elsewhere, system.scopes)
        for acting in (officer, "", str(uuid4())):
            answer = get(server, elsewhere, Acting_Member=acting)
            body = answer.json()
            assert (answer.status_code, body["code"]) == (403, "address_not_allowed"), acting
            assert "allow-list" in body["detail"]
            assert "203.0.113" not in answer.text, "nor where it would be let in"
            (entry,) = entries(superuser, answer)
            assert (entry["act"], entry["rule"]) == ("api.authenticate", "address_not_allowed")
            assert (entry["agency_id"], entry["client_id"]) == (
                str(agency_id("police")),
                str(client_id),
            )
        held = credentials_held(superuser)
        signed_here = token_request(assertion(server.client("police"), server.demo["token_url"]))
        answer = ask(server, signed_here)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "allow-list" in answer.json()["error_description"]
        (entry,) = entries(superuser, answer)
        assert (entry["act"], entry["decision"], entry["rule"], entry["client_id"]) == (
            *("token.issue", "refused", "address_not_allowed"),
            str(client_id),
        )
        assert credentials_held(superuser) == held
        assert token(server, "hospital"), "of this system alone"
    finally:
        held_to(client_id)
    assert get(server, token(server)).status_code == 200


def test_where_it_comes_from_is_what_the_outermost_proxy_of_ours_saw(
    api: Any, settings: Any
) -> None:
    client_id = uuid5(demo.NAMESPACE, "client police")
    settings.PROXIES = 1
    try:
        held_to(client_id, "203.0.113.0/24")
        caller = api("police.client")
        for seen, status in (
            ("203.0.113.9", 200),
            ("198.51.100.7, 203.0.113.9", 200),
            ("203.0.113.9, 198.51.100.7", 403),  # what stands further left is the caller's word
            ("::ffff:203.0.113.9", 200),
            ("unknown", 403),
        ):
            with capture_logs() as lines:
                answer = caller.get("/v1/referrals", X_Forwarded_For=seen)
            assert answer.status_code == status, seen
            told = [one for one in lines if one["event"] == "client_from_elsewhere"]
            assert [one["agency"] for one in told] == [str(agency_id("police"))] * (status == 403)
    finally:
        held_to(client_id)
