"""A referral whose every word is marked, and how its packet is opened."""

from typing import Any

from tests.support.people.stories import Story

MARKED = {
    "name": "Marker Mallow",
    "phone": "406-555-0177",
    "safe_contact": "marker: text after noon",
    "health": "marker: never released",
}
RELEASED = ("name", "phone", "safe_contact")
NOTE = "marker: a note of ours"


def told(story: Story) -> Story:
    """Accepted, with a packet of which one field is not released, and a note on either side."""
    story.accept().release(*RELEASED).packet(**MARKED)
    return story.answers("add_note", {"text": NOTE}).sends("add_note", {"text": NOTE})


def open_packet(story: Story, who: str = "ywca.worker") -> Any:
    return story.api(who).act(story.id, "open_packet", {"purpose": "intake"})
