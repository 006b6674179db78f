"""To a prosecutor and to child protection: what must be said first, what never goes, and what the
permission form says of it, by the sender's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import TOLD, Story, authorization, release_body, service_of

WARNED = {
    "prosecution": "prosecution_may_have_to_disclose",
    "child_protection": "child_protection_may_have_to_act",
}


@contextmanager
def being(superuser: Any, key: str, kind: str) -> Iterator[None]:
    """An agency of the cast of another kind, for a while."""
    change = "UPDATE permissions_agency SET kind = %s WHERE id = %s RETURNING kind"
    with superuser.cursor() as cursor:
        cursor.execute("SELECT kind FROM permissions_agency WHERE id = %s", [str(agency_id(key))])
        before = cursor.fetchone()[0]
        cursor.execute(change, [kind, str(agency_id(key))])
    superuser.commit()
    try:
        yield
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(change, [before, str(agency_id(key))])
        superuser.commit()


@pytest.mark.parametrize("kind", WARNED)
@pytest.mark.parametrize("sender", ["hospital.worker", "sarc.worker"])
def test_they_get_their_warning_and_no_substance_use(
    kind: str, sender: str, api: Any, superuser: Any
) -> None:
    with being(superuser, "ywca", kind):
        story = Story(api, service_of("ywca"), sender=sender).create()
        signed = {"basis": "written_release", "form": "written", "attestations": TOLD}
        terms = authorization() if sender.startswith("hospital") else signed

        def asks(*fields: str, **more: Any) -> Any:
            return api(sender).act(story.id, "put_release", release_body(*fields, **terms | more))

        untold = asks("name")
        assert (untold.status_code, untold.json()["code"]) == (409, "attestation_missing")
        assert WARNED[kind] in untold.json()["detail"]
        told = [*terms["attestations"], WARNED[kind]]
        never = asks("name", "substance_use", attestations=told)
        assert (never.status_code, never.json()["code"]) == (409, "part2")
        assert asks("name", attestations=told).status_code == 200
        form = at_the_desk(sender).get(f"/desk/referrals/{story.id}/put_release")
        assert 'value="substance_use"' not in form.content.decode()


def test_the_form_says_what_the_senders_own_law_asks_before_a_prosecutor(
    api: Any, superuser: Any
) -> None:
    said = {
        "hospital.worker": "45 CFR 164.512(f)(3)",
        "sarc.worker": "Share with a written release only",
        "police.worker": "46-15-322 MCA",
    }
    with being(superuser, "ywca", "prosecution"):
        for sender, words in said.items():
            story = Story(api, service_of("ywca"), sender=sender).create()
            path = f"/desk/referrals/{story.id}/put_release"
            page = text_of(at_the_desk(sender).get(f"{path}?step=3").content)
            assert words in page, sender
            for other in set(said.values()) - {words}:
                assert other not in page, (sender, other)
    story = Story(api, service_of("ywca"), sender="hospital.worker").create()
    page = text_of(
        at_the_desk("hospital.worker").get(f"/desk/referrals/{story.id}/put_release?step=3").content
    )
    assert "164.512(f)(3)" not in page, "only where a prosecutor receives it"


def test_the_form_says_what_a_minors_privacy_asks_where_the_notice_says_minor(api: Any) -> None:
    for band, shown, alone in (
        ("minor", True, True),
        ("not_stated", False, True),
        ("adult", False, False),
    ):
        story = Story(api, service_of("ywca"), sender="hospital.worker").create(age_band=band)
        path = f"/desk/referrals/{story.id}/put_release?step=3"
        page = text_of(at_the_desk("hospital.worker").get(path).content)
        assert ("41-1-403 MCA" in page) == shown, band
        assert ("Only where a law lets a minor receive this service" in page) == alone, band
