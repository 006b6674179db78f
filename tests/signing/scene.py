"""A survivor who signs: for an officer's referral, at the desk without script."""

import json
import re
from typing import Any
from uuid import UUID

from referrals.signing.strokes import Drawing
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import TOLD, release_body

# An invented signature: two strokes, wide enough to be none of a finger's slips.
DRAWN: Drawing = [
    [[100 + 40 * at, 120 + (at % 3) * 55] for at in range(12)],
    [[150, 300], [260, 310], [417, 293], [523, 331]],
]
ON_SCREEN = {
    "fields_": ["name", "phone"],
    "purpose": "receive_service",
    "basis": "stated_agreement",
    "form": "screen",
    "lasts": "3",
    "consenters": ["self"],
    "adult": "on",
    "attestations": release_body()["attestations"],
    "language": "en",
}
ON_PHONE = ON_SCREEN | {"form": "own_phone", "phone_is_safe": "yes"}
NOTICE_ON_PHONE = ON_PHONE | {"basis": "written_release", "attestations": TOLD}


def path_of(referral_id: Any, act: str = "put_release") -> str:
    return f"/desk/referrals/{referral_id}/{act}"


def page_of(referral_id: Any, act: str = "put_release") -> str:
    return f"/desk/referrals/{referral_id}/signing/{act}"


def ask(
    pages: Pages, referral_id: Any, given: dict[str, Any] = ON_PHONE, act: str = "put_release"
) -> str:
    """Fill in the form up to the page that asks for the signature; the address to sign at."""
    answer = pages.submit_steps(path_of(referral_id, act), given)
    assert answer.request["PATH_INFO"] == page_of(referral_id, act), text_of(answer.content)
    return f"/sign/{secret_of(pages)}"


def secret_of(pages: Pages) -> str:
    return str(pages.http.cookies["signing"].value)


def draw(link: str, drawn: Any = DRAWN, who: str = "self", **more: str) -> Any:
    """Sign on the survivor's own device: another browser, without a session."""
    text = drawn if isinstance(drawn, str) else json.dumps(drawn)
    return Pages().http.post(link, {f"strokes_{who}": text, "copy": "no"} | more)


def record(pages: Pages, referral_id: Any, act: str = "put_release") -> Any:
    return pages.submit(page_of(referral_id, act), {"what": "record"})


def releases(api: Any, who: str, referral_id: Any) -> list[dict[str, Any]]:
    answer = api(who).get(f"/v1/referrals/{referral_id}/releases")
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def officer() -> Pages:
    return at_the_desk("police.worker")


def points_in(page: str) -> list[str]:
    return re.findall(r'<polyline points="([^"]*)"', page)


def as_uuid(text: Any) -> UUID:
    return UUID(str(text))
