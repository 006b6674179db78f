"""Generated lives of referrals, and the truth of their counts, kept aside by who plays them.

The truth is written down as the acts are played, in words of its own: which month a referral was
sent in, what each side was shown of its end, how long answers took, and whom it ever barred. It
reads no table of counts, and no function of the database that counts.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from permissions.database.clock import database_now
from permissions.models import Agency
from referrals import codes, worker
from referrals.deadlines import purge
from referrals.numbers import cells
from tests.support.people.callers import agency_id
from tests.support.people.stories import BOUND, Story, notice_release_body, service_of, to

Key = tuple[str | None, str, date, str]  # whose, side, when, what
PAIRS = (("police", "ywca"), ("police", "sarc"), ("hospital", "ywca"), ("sarc", "ywca"))
ADDS_UP = ("numbers",)
STEPS = ((1, "m1"), (2, "m2"), (5, "m5"), (10, "m10"), (15, "m15"), (30, "m30"), (60, "h1"))
STEPS += ((120, "h2"), (240, "h4"), (480, "h8"), (1440, "d1"), (4320, "d3"), (10080, "d7"))
# What the sender is shown of its state, and the recipient, in the words of the counts.
FROM_SHOWN = {"sent": "waiting", "acknowledged": "waiting", "closed": "accepted"}
FROM_SHOWN |= {"cannot_take": "declined"}
TO_SHOWN = {"sent": "waiting", "acknowledged": "waiting", "in_handoff": "accepted"}


@dataclass
class Life:
    """One referral that was sent, as who played it knows it."""

    sender: str
    recipient: str
    notice: dict[str, Any]
    sent: datetime
    month: date
    answered: datetime | None = None
    accepted: datetime | None = None
    shown: dict[str, str] = field(default_factory=lambda: {"from": "waiting", "to": "waiting"})
    code: str = ""
    late: bool = False  # not answered by the first deadline
    contact_by: datetime | None = None  # as the recipient was shown it
    late_handoff: bool = False
    mistaken: bool = False
    barred: set[str] = field(default_factory=set)  # the sides of whose people it ever barred one

    def items(self, side: str, kinds: dict[str, str]) -> Iterator[str]:
        other = self.recipient if side == "from" else self.sender
        yield f"kind:{kinds[other]}"
        for name in ("concern", "age_band", "urgency"):
            yield f"{name}:{self.notice[name]}"
        yield from (f"need:{one}" for one in self.notice["needs"])
        yield f"outcome:{self.shown[side]}"
        if self.answered:
            yield f"answered:{step_of(self.answered - self.sent)}"
        if self.accepted:
            yield f"accepted:{step_of(self.accepted - self.sent)}"
        if self.code:
            yield f"declined:{self.code}"
        if self.late:
            yield "late:answer"
        if self.late_handoff and side == "to":
            yield "late:handoff"


def step_of(took: timedelta) -> str:
    minutes = took.total_seconds() / 60
    return next((name for most, name in STEPS if minutes <= most), "later")


class Lives:
    """Plays lives one after the other, and lets time pass between them."""

    TOOK: ClassVar[tuple[int, ...]] = (20, 100, 250, 500, 800, 1700, 3000)  # seconds

    def __init__(self, api: Any, shift_clock: Callable[[str], None], seed: int) -> None:
        self.api, self.shift, self.lot = api, shift_clock, Random(seed)
        self.ahead = timedelta(0)
        self.all: list[Life] = []
        self.open: list[tuple[Life, Story]] = []
        agencies = {name: agency_id(name) for pair in PAIRS for name in pair}
        known = Agency.objects.in_bulk(agencies.values())
        self.kinds = {name: known[id_].kind for name, id_ in agencies.items()}
        self.zones = {name: ZoneInfo(known[id_].time_zone) for name, id_ in agencies.items()}
        self.services = {name: service_of(name) for name in ("ywca", "sarc")}
        self.ends: list[Callable[[Life, Story], None]] = [
            self._expires, self._declined, self._completed, self._unable, self._left,
            self._withdrawn, self._withdrawn_late, self._stopped_by_sender,
            self._stopped_by_recipient, self._mistake, self._late_mistake, self._undone,
            self._late, self._late_handoff,
        ]  # fmt: skip

    # -- Time ------------------------------------------------------------------------------------

    def passes(self, **span: int) -> None:
        self.ahead += timedelta(**span)
        self.shift(f"{int(self.ahead.total_seconds())} seconds")

    def now(self) -> datetime:
        return database_now("default")

    def sweep(self) -> None:
        """What the background work does meanwhile; then look at what time has ended."""
        self._clocks("close", *ADDS_UP)
        purge.run()
        self.open = [one for one in self.open if self._look(*one)]

    def _clocks(self, *others: str) -> None:
        """Mark the deadlines that have passed; then write down whose contact is late."""
        assert worker.run_until_idle(worker.jobs_named(["clocks", *others])) == []
        for life, _story in self.open:
            if life.contact_by and life.contact_by <= self.now() and life.shown["to"] == "accepted":
                life.late_handoff = True

    def _look(self, life: Life, story: Story) -> bool:
        """Write down what each side is shown now, and whether anyone is shown it still."""
        seen = False
        for side, who, words in (
            ("from", story.sender, FROM_SHOWN),
            ("to", story.recipient, TO_SHOWN),
        ):
            answer = self.api(who).get(f"/v1/referrals/{story.id}")
            if answer.status_code == 200:
                seen = True
                status = answer.json()["status"]
                if status != "entered_in_error":
                    life.shown[side] = words.get(status, status)
        return seen

    # -- A life ----------------------------------------------------------------------------------

    def play(self, end: int, bar: int | None = None) -> Life:
        """One life to its end, numbered as in `ends`; with a block, numbered as in `_bar`."""
        sender, recipient = self.lot.choice(PAIRS)
        notice = {
            "concern": self.lot.choice(list(codes.CONCERN)),
            "age_band": self.lot.choice(list(codes.AGE_BAND)),
            "urgency": self.lot.choice(list(codes.URGENCY)),
            "needs": self.lot.sample(list(codes.NEEDS), self.lot.randint(1, 3)),
        }
        if f"{sender}.".startswith(BOUND) and notice["age_band"] == "minor":
            notice["age_band"] = "adult"  # who signs the permission says that they are
        story = Story(
            self.api,
            self.services[recipient],
            sender=f"{sender}.worker",
            recipient=f"{recipient}.worker",
        )
        story.create(**notice)
        before = bar is not None and self.lot.random() < 0.3 and bar < 2
        draft_bars = self._bar(story, sender, recipient, bar) if before and bar is not None else ""
        self._send(story)
        sent = self.now()
        month = sent.astimezone(self.zones[sender]).date().replace(day=1)
        life = Life(sender, recipient, notice, sent, month)
        life.barred |= {draft_bars} - {""}
        self.all.append(life)
        if bar is not None and not before:
            life.barred.add(self._bar(story, sender, recipient, bar))
        if bar is not None and self.lot.random() < 0.4:  # and someone of the other side, too
            life.barred.add(self._bar(story, sender, recipient, bar + 2))
        self.passes(seconds=self.lot.choice(self.TOOK[:3]))
        if notice["urgency"] == "routine":
            self.passes(hours=self.lot.choice((0, 0, 1, 3)))
        self.ends[end % len(self.ends)](life, story)
        self.open.append((life, story))
        return life

    def _send(self, story: Story) -> None:
        """As `Story.send`, with a permission of this day."""
        if story.sender.startswith(BOUND):
            now = self.now()
            signed, ends = now.isoformat(), (now + timedelta(days=2)).isoformat()
            who = {"who": "self", "signed_at": signed, "not_the_abuser": True}
            terms = {"signed_at": signed, "expires_at": ends, "consenters": [who]}
            story.sends("put_notice_release", notice_release_body(**terms))
        story.sends("send", {"agreement": "agrees"})

    def _bar(self, story: Story, sender: str, recipient: str, how: int) -> str:
        """Bar someone; returns the side whose people it bars. Some blocks are lifted again: it has
        barred them all the same."""
        match how % 4:
            case 0:
                story.sends("block", to(f"{sender}.worker2"))
                if self.lot.random() < 0.5:
                    story.sends("unblock", to(f"{sender}.worker2"))
                return "from"
            case 1:
                answer = self.api(f"{sender}.lead").act(story.id, "block", to(f"{sender}.admin"))
                assert answer.status_code == 200, answer.content
                return "from"
            case 2:
                story.answers("acknowledge")
                self._noted(story)
                story.answers("block", to(f"{recipient}.worker2"))
                if self.lot.random() < 0.5:
                    story.answers("unblock", to(f"{recipient}.worker2"))
                return "to"
            case _:
                story.sends("leads_only").sends("end_leads_only")
                return "to"

    def _noted(self, story: Story) -> None:
        self.all[-1].answered = self.all[-1].answered or self.now()

    def _accepts(self, life: Life, story: Story) -> None:
        if self.lot.random() < 0.5 and not life.answered:
            story.answers("acknowledge")
            self._noted(story)
            self.passes(seconds=self.lot.choice(self.TOOK[:4]))
        story.answers("accept")
        life.accepted = self.now()
        life.answered = life.answered or life.accepted
        life.shown |= {"from": "accepted", "to": "accepted"}
        seen = self.api(story.recipient).get(f"/v1/referrals/{story.id}").json()
        life.contact_by = datetime.fromisoformat(seen["handoff_by"])

    def _expires(self, life: Life, story: Story) -> None:
        self.passes(days=8)
        self._clocks()
        life.shown |= {"from": "expired", "to": "expired"}
        life.late = True

    def _late(self, life: Life, story: Story) -> None:
        """The first deadline passes, and is marked; then it is accepted."""
        if not life.answered:
            shown = self.api(story.sender).get(f"/v1/referrals/{story.id}").json()
            due = datetime.fromisoformat(shown["ack_by"]) - self.now()
            self.passes(seconds=int(due.total_seconds()) + 2)
            self._clocks()
            life.late = True
        self._accepts(life, story)

    def _late_handoff(self, life: Life, story: Story) -> None:
        """The deadline to contact the survivor passes, and is marked; then it is done."""
        self._accepts(life, story)
        assert life.contact_by
        self.passes(seconds=int((life.contact_by - self.now()).total_seconds()) + 2)
        self._clocks()
        life.late_handoff = True
        story.answers("start_handoff", {"mode": "phone"})
        story.answers("complete", {"outcome": self.lot.choice(list(codes.OUTCOME))})
        life.shown["to"] = "completed"

    def _declined(self, life: Life, story: Story) -> None:
        life.code = self.lot.choice(list(codes.DECLINE))
        story.answers("decline", {"code": life.code})
        life.answered = life.answered or self.now()
        life.shown |= {"from": "declined", "to": "declined"}

    def _completed(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        story.answers("start_handoff", {"mode": "phone"})
        story.answers("complete", {"outcome": self.lot.choice(list(codes.OUTCOME))})
        life.shown["to"] = "completed"

    def _unable(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        story.answers("unable", {"code": "could_not_contact"})
        life.shown["to"] = "unable"

    def _left(self, life: Life, story: Story) -> None:
        """No one does more: the clock ends it for the recipient after three weeks."""
        self._accepts(life, story)

    def _withdrawn(self, life: Life, story: Story) -> None:
        story.sends("withdraw", {"code": "help_found"})
        self._empties(life)
        life.shown |= {"from": "withdrawn", "to": "withdrawn"}

    def _withdrawn_late(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        self._withdrawn(life, story)

    def _stopped_by_sender(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        story.sends("stop")
        self._empties(life)
        life.shown |= {"from": "stopped", "to": "stopped"}

    def _stopped_by_recipient(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        story.answers("stop")
        life.shown["to"] = "stopped"

    def _mistake(self, life: Life, story: Story) -> None:
        story.sends("mark_error", {"code": "wrong_recipient"})
        life.mistaken = True

    def _late_mistake(self, life: Life, story: Story) -> None:
        self._accepts(life, story)
        self._mistake(life, story)

    def _undone(self, life: Life, story: Story) -> None:
        """An accept that is taken back, and then a decline."""
        self._accepts(life, story)
        self.passes(seconds=60)
        story.answers("undo_accept")
        life.accepted = None
        life.code = "no_capacity"
        story.answers("decline", {"code": "no_capacity"})
        life.shown |= {"from": "declined", "to": "declined"}

    def _empties(self, life: Life) -> None:
        """A notice that went under the survivor's release is emptied with it: what it said counts
        no more, and that it was sent does."""
        if f"{life.sender}.".startswith(BOUND):
            empty = {"concern": "not_stated", "age_band": "not_stated", "urgency": "routine"}
            life.notice = empty | {"needs": []}

    # -- The truth -------------------------------------------------------------------------------

    def truth(self) -> dict[Key, int]:
        found: Counter[Key] = Counter()
        for life in self.all:
            if life.mistaken:
                continue
            for side, agency in (("from", life.sender), ("to", life.recipient)):
                whose: str | None = str(agency_id(agency))
                begins = life.month
                if side in life.barred:
                    whose, begins = None, life.month.replace(month=1)
                found.update((whose, side, begins, one) for one in life.items(side, self.kinds))
            shown = "kept" if life.barred else "net"
            found.update((None, shown, life.month, one) for one in life.items("from", self.kinds))
            found[str(agency_id(life.sender)), shown, life.month, "whole:sent"] += 1
            found[str(agency_id(life.recipient)), shown, life.month, "whole:received"] += 1
        return dict(found)


def counted(superuser: Any) -> dict[Key, int]:
    """What the cells and what is still to be added to them say."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT agency_id::text, side, begins, item, sum(number)::int FROM ("
            " SELECT agency_id, side, begins, item, number FROM count_cell"
            " UNION ALL SELECT agency_id, side, begins, item, number FROM count_line"
            "  WHERE NOT settled) n"
            " GROUP BY 1, 2, 3, 4 HAVING sum(number) <> 0"
        )
        found = {(row[0], row[1], row[2], row[3]): row[4] for row in cursor.fetchall()}
    superuser.commit()
    return found


def differing(lives: Lives, superuser: Any) -> dict[Key, tuple[int, int]]:
    """Where the counts are not the truth: what they say, and what is true."""
    said, true = counted(superuser), lives.truth()
    return {
        key: (said.get(key, 0), true.get(key, 0))
        for key in sorted(said.keys() | true.keys(), key=str)
        if said.get(key, 0) != true.get(key, 0)
    }


def left_of(superuser: Any, table: str) -> int:
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        ((number,),) = cursor.fetchall()
    superuser.commit()
    return int(number)


def all_purged(lives: Lives, superuser: Any) -> None:
    """Let time pass until no referral is left, and add up what was counted."""
    for _month in range(6):
        for _week in range(4):
            lives.passes(days=8)
            lives.sweep()
        if not left_of(superuser, "referral"):
            break
    assert left_of(superuser, "referral") == 0
    assert worker.run_until_idle(worker.jobs_named(ADDS_UP)) == []


def is_right() -> None:
    found = cells.check()
    assert found.is_right, found
