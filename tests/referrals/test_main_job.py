"""The whole job over HTTP: an officer refers, an advocate answers, and who sees what meanwhile."""

from tests.support.people.stories import PACKET


def test_from_draft_to_completed(story, api):
    story.create()
    draft = api("ywca.worker").get(f"/v1/referrals/{story.id}")
    assert draft.status_code == 404  # a draft is the sender's alone

    story.sends("send", {"agreement": "agrees"})
    seen = api("ywca.worker").get(f"/v1/referrals/{story.id}")
    assert seen.status_code == 200
    assert seen.json()["status"] == "sent"

    story.answers("acknowledge").answers("accept")
    story.release("name", "phone", "safe_contact").packet(**PACKET, health="not released")

    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert opened.status_code == 200, opened.content
    assert opened.json()["packet"] == PACKET
    assert (
        api("ywca.worker2").act(story.id, "open_packet", {"purpose": "intake"}).status_code == 403
    )

    before = api("police.worker").get(f"/v1/referrals/{story.id}")
    story.answers("start_handoff", {"mode": "phone"})
    story.answers("add_note", {"text": "spoke with her"})
    story.answers("complete", {"outcome": "connected"})
    after = api("police.worker").get(f"/v1/referrals/{story.id}")
    assert after.json()["status"] == "accepted"
    assert after.content == before.content
    assert after["ETag"] == before["ETag"]

    assert api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"] == "completed"
    notes = api("ywca.worker").act(story.id, "open_notes", {"purpose": "review"}).json()["items"]
    assert [note["kind"] for note in notes] == ["hand_off", "note", "outcome"]
    assert api("ywca.auditor").get("/v1/access-log").status_code == 200
