"""The paper that is signed on a screen says all that the law asks of it, as the printed one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.desk.referral.release.signed_paper import asks_name, paper_lines, paper_parts
from permissions.identity.credentials import resolve_credential
from permissions.policy import disclosure
from referrals.law.paper_elements import lacking
from referrals.queries import details
from referrals.releases.terms import Consenter, Terms
from tests.support.people.stories import Story, release_body, service_of

# What the page has a place for, and no words: the box, the time, and what is typed.
PLACES = {"signature", "date", "name", "authority"}
SENDERS = ("police.worker", "hospital.worker", "sarc.worker")


def terms_for(act: str, seen: Any, **more: Any) -> Terms:

    fields = () if act == "put_notice_release" else ("name", "health")
    return Terms(
        basis="written_release",
        purpose="receive_service",
        fields=fields,
        form="screen",
        signed_at=seen.now,
        expires_at=seen.now + timedelta(days=3),
        attestations=tuple(disclosure.EVERY_ATTESTATION),
        consenters=(Consenter("self", seen.now, True), Consenter("parent", seen.now, True)),
        adult=False,
        **more,
    )


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("act", ["put_release", "put_notice_release"])
def test_it_lacks_nothing_that_the_senders_law_asks_for(language: str, act: str, api: Any) -> None:
    count = 0
    for who in SENDERS:
        story = Story(api, service_of("ywca"), sender=who).create()
        principal = resolve_credential(api(who).secret)
        assert principal is not None
        seen = details.read_detail(principal, story.id)
        others = (frozenset({"part2"}), frozenset({"hipaa", "part2", "victim_services"}))
        for duties in (principal.duties, *others):
            by = replace(principal, duties=duties)
            terms = terms_for(act, seen)
            parts = paper_parts(by, seen, act, terms, language)
            printed = [words for _, words in paper_lines(by, seen, act, terms, language)]
            missing = [
                one
                for one in lacking(printed, parts, duties)
                if not set(one.parts) & PLACES
                # the notice is signed for by itself, and has no field
                and one.parts != (("fields",) if act == "put_notice_release" else ("notice",))
            ]
            assert missing == [], (who, duties)
            if "part2" in duties and terms.fields:
                assert asks_name(by, terms)
            count += len(printed)
    assert count > 150


def test_it_has_only_what_was_chosen(api: Any) -> None:
    story = Story(api, service_of("ywca"), sender="police.worker").create()
    principal = resolve_credential(api("police.worker").secret)
    assert principal is not None
    seen = details.read_detail(principal, story.id)
    terms = replace(
        terms_for("put_release", seen), attestations=tuple(release_body()["attestations"])
    )
    parts = paper_parts(principal, seen, "put_release", terms, "en")
    assert len(parts["fields"]) == 2
    assert parts["purposes"] == ["So that I receive this service"]
    assert len(parts["told"]) == len(terms.attestations)
    assert parts["who"] == ["I myself", "My parent"]
