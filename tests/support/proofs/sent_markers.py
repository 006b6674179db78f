"""What reached the far ends while the world of markers was made: letters, SMS, calls and webhooks,
each kept with the state whose referral had just moved on. Who may be sent what: test_markers.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from referrals import worker
from tests.support.people.notifications import work
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.webhook_receiver import Receiver, receivers


class Heard(NamedTuple):
    where: str  # mail, sms, voice, hook
    whose: str  # of a hook: the agency's
    state: str  # none: later, when all were made
    text: str
    found: frozenset[Any] = frozenset()  # of a hook: the markers as they stood when it came


@dataclass
class FarEnds:
    mails: MailServer
    phones: PhoneProvider
    hooks: dict[str, Receiver]  # by agency
    heard: list[Heard] = field(default_factory=list)

    def messages(self, state: str = "") -> None:
        """Have all that waits sent, and keep what arrived, less whom it was addressed to."""
        work()
        for _, letter in self.mails.received:
            head = "\n".join(f"{name}: {one}" for name, one in letter.items() if name != "To")
            self._keep("mail", state, f"{head}\n{letter.get_payload(decode=True)!r}")
        for kind, form in self.phones.received:
            self._keep(kind, state, str({name: one for name, one in form.items() if name != "To"}))
        self.mails.received.clear()
        self.phones.received.clear()

    def events(self, found_in: Callable[[str], Any], state: str = "") -> None:
        """Likewise the agencies' feeds, as their systems are sent them."""
        assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []
        for key, hook in self.hooks.items():
            with hook.changed:
                came, hook.had = hook.had, []
            for one in came:
                text = f"{one.headers}\n{one.body.decode()}"
                self.heard.append(Heard("hook", key, state, text, frozenset(found_in(text))))

    def _keep(self, where: str, state: str, text: str) -> None:
        self.heard.append(Heard(where, "", state, text))


@contextmanager
def far_ends(settings: Any, mails: MailServer, phones: PhoneProvider) -> Iterator[FarEnds]:
    """With a webhook's receiver of each side."""
    with receivers(settings, b"", b"") as (police, ywca):
        yield FarEnds(mails, phones, {"police": police, "ywca": ywca})
