"""What a webhook sends is signed; its secrets are sealed, rotated and shown once."""

import base64
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from permissions.keys import rotation, wrapping
from referrals.act_registry.registry import ACTS
from referrals.webhooks import signatures
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.endpoints import kept as kept  # a fixture
from tests.webhooks.endpoints import made, shown

# The vectors published with the standard (standardwebhooks.com, and the tests of its libraries).
PUBLISHED = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)


def signed_headers(signature: str = PUBLISHED[4]) -> dict[str, str]:
    return {
        "Webhook-Id": PUBLISHED[1],
        "Webhook-Timestamp": str(PUBLISHED[2]),
        "Webhook-Signature": signature,
    }


def test_the_published_vector_is_signed_and_verified() -> None:
    secret, message_id, at, content, signature = PUBLISHED
    ours = signatures.headers([secret], message_id, at, content)
    assert ours["webhook-signature"] == signature
    assert signatures.verify(secret, ours, content, at)
    assert signatures.verify(secret, signed_headers(f"v1,AAAA v1a,xx {signature}"), content, at)
    assert signatures.verify(secret.removeprefix("whsec_"), signed_headers(), content, at)


def test_a_message_that_is_altered_old_or_not_ours_fails() -> None:
    secret, _id, at, content, signature = PUBLISHED
    assert signatures.verify(secret, signed_headers(), content, at + 300)
    for wrong in (at + 301, at - 301):
        assert not signatures.verify(secret, signed_headers(), content, wrong)
    for place in range(len(content)):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert not signatures.verify(secret, signed_headers(), altered, at), place
    for name in signed_headers():
        left_out = {one: text for one, text in signed_headers().items() if one != name}
        assert not signatures.verify(secret, left_out, content, at), name
    for bad in ("", "v1", "v1,", "v2," + signature[3:], signature[:-2], "v1,\u00e9", "v1a,AAAA"):
        assert not signatures.verify(secret, signed_headers(bad), content, at), bad
    for time_ in ("", "x", "1614265330.0", "-1", "99999999999999999999"):
        headers = signed_headers() | {"Webhook-Timestamp": time_}
        assert not signatures.verify(secret, headers, content, at), time_
    other = "whsec_" + base64.b64encode(b"another").decode()
    assert not signatures.verify(other, signed_headers(), content, at)
    assert not signatures.verify("whsec_", signed_headers(), content, at)


def test_a_rotated_secret_signs_next_to_the_old_one_for_a_day(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    rotated = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/rotate").json()
    assert rotated["secret"] != hook["secret"]
    story.send()
    work()
    for secret in (hook["secret"], rotated["secret"]):
        had = receiver.had[-1]
        assert signatures.verify(secret, had.headers, had.body, time.time())
    assert len(had.headers["webhook-signature"].split()) == 2
    shift_clock("24 hours 1 second")
    Story(api, story.service_id).send()
    work()
    had = receiver.had[-1]
    assert not signatures.verify(hook["secret"], had.headers, had.body, time.time())
    assert signatures.verify(rotated["secret"], had.headers, had.body, time.time())


def test_of_three_secrets_the_oldest_ends_at_once(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    path = f"/v1/webhooks/{hook['id']}/rotate"
    second, third = (api("ywca.admin").post(path).json()["secret"] for _ in range(2))
    story.send()
    work()
    had = receiver.had[-1]
    good = [
        signatures.verify(one, had.headers, had.body, time.time())
        for one in (hook["secret"], second, third)
    ]
    assert good == [False, True, True]


def test_secrets_are_sealed_shown_once_and_rewrapped_with_the_other_keys(
    story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    hook = made(api, receiver)
    raw = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    assert "secret" not in shown(api, hook)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT key_bundle FROM webhook_secret")
        kept = bytes(cursor.fetchone()[0])
    assert hook["secret"].encode() not in kept
    assert raw not in kept
    assert wrapping.WEBHOOK_KEY_OWNER in rotation.key_holders()
    done = rotation.end_key_epoch(wrapping.WEBHOOK_KEY_OWNER)
    assert (done.rewrapped, done.unopened) == (1, 0)
    story.send()
    work()
    had = receiver.had[-1]
    assert signatures.verify(hook["secret"], had.headers, had.body, time.time())


def test_the_time_of_signing_is_now() -> None:
    content = signatures.body("ping", datetime(2026, 11, 24, tzinfo=UTC))
    assert len(content) == signatures.BODY_BYTES


def test_every_act_fits_into_the_one_size_and_what_does_not_is_never_sent() -> None:
    now, ids = datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC), {"event_id": uuid4()}
    ids["referral_id"] = uuid4()
    of_the_clock = {"expire", "escalated", "closed", "purge_due", "reminder", "idle", "unable"}
    of_the_survivor = {"end_by_survivor", "narrow_by_survivor"}
    for act in {*ACTS, *of_the_clock, *of_the_survivor}:
        content = signatures.body("referral.event", now, **ids, act=act)
        assert len(content) == signatures.BODY_BYTES, act
    with pytest.raises(ValueError, match="larger"):
        signatures.body("referral.event", now, **ids, act="x" * 100)
