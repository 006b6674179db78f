"""No route or page sends a statement for each row of what it shows (N+1): of a network with one
referral and of one with thousands, it sends about as many."""

from typing import Any

from tests.bench import plans
from tests.support.ground.long_box import filled
from tests.support.ground.short_form import in_both_forms
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.readers import every_read

NOTES = 12
# What a page asks once when there is anything to show, such as the names of those in its rows.
MORE = 2


def statements_by_route(api: Any, story: Story, short: bool) -> dict[tuple[str, str], list[str]]:
    """The statements of each GET route and page for each reader; in short, one of them in turn."""
    found = {}
    for number, (route, path, readers) in enumerate(every_read(api, referral_id=story.id)):
        one = list(readers)[number % len(readers)]
        for who, reader in readers.items():
            if short and who != one:
                continue
            with plans.statements() as seen:
                reader.get(path)
            found[route, who] = [one.name for one in seen]
    return found


@in_both_forms
def test_no_route_sends_a_statement_for_each_row(
    short: bool, django_db_setup: str, api: Any, story: Story, superuser: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    few = statements_by_route(api, story, short)
    for number in range(NOTES):
        story.sends("add_note", {"text": f"an invented note {number}"})
        story.answers("add_note", {"text": f"an invented answer {number}"})
    with filled(django_db_setup, superuser):
        many = statements_by_route(api, story, short)
    assert len(few) > (100 if short else 300)
    grown = {
        key: sorted(set(many[key]), key=many[key].count)[-1]
        for key in few
        if len(many[key]) > len(few[key]) + MORE
    }
    assert grown == {}
