"""What looks at the restored copy: a process of its own, in which Cairn's settings name the copy,
copies of the keys and of the witness's file, and no one to send anything to.

    python -m api.backup.restored_checks

It writes one JSON line for each check to stdout (api/backup/verdicts.py). The drill starts it; its
environment is the drill's. All that it writes goes into the copy.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from api.backup import isolation
from api.backup.verdicts import Verdict, few


def main() -> None:
    """Make each check, and say what it found. Raises nothing: what fails is a verdict."""
    isolation.cut_off()
    _say(_made("outbound", _outbound))
    import django

    django.setup()
    from referrals.recovery.recover import recovering_sessions

    with recovering_sessions():
        for name, check in BEFORE.items():
            _say(_made(name, check))
    for name, check in CHECKS.items():
        _say(_made(name, check))


def _made(name: str, check: Callable[[], Verdict]) -> Verdict:
    try:
        return check()
    except Exception as error:  # whatever it is: a check that cannot be made has failed
        from permissions.health import failures

        said = getattr(error, "detail", "") or str(error).strip().partition("\n")[0]
        code = failures.sqlstate(error)
        kind = f"{type(error).__name__} {code}" if code else type(error).__name__
        return Verdict(name, False, f"{kind}: {said}")


def _say(verdict: Verdict) -> None:
    print(json.dumps(verdict), flush=True)


def _outbound() -> Verdict:
    return Verdict("outbound", True, f"Nothing leaves: {isolation.must_be_cut_off()}.")


def _no_sender() -> Verdict:
    """No mail, no message, no call has a way to go, and no job of the background work runs."""
    from django.conf import settings

    ways = [kind for kind, sender in settings.SENDERS.items() if sender is not None]
    if ways or settings.SMTP or settings.TWILIO or settings.MAIL_COPIES:
        return Verdict("senders", False, f"The drill has senders: {', '.join(ways)}.")
    return Verdict("senders", True, "No mail server, no telephone, no background work.")


def _schema() -> Verdict:
    from django.db import connection

    from permissions.database import schema

    with connection.cursor() as cursor:
        state, trouble = schema.state(cursor), schema.trouble(cursor)
    return Verdict(
        "schema", trouble is None, trouble or f"Of release {state.release}, as it should."
    )


def _answers() -> Verdict:
    from api.health.readiness import CHECKS as ALL
    from api.health.readiness import OK, readiness

    found = readiness()
    wrong = [one.name for one in ALL if one.vital and found.checks.get(one.name) != OK]
    if wrong:
        return Verdict("answers", False, f"/health/ready would be 503: {', '.join(wrong)}.")
    return Verdict("answers", True, "A web process could serve from it.")


def _recovered() -> Verdict:
    """The recovery of a restored database, with copies of the journals: without it the copy serves
    nothing, as a real one would."""
    from django.conf import settings

    from referrals.recovery import recover

    said: list[str] = []
    own = Path(settings.JOURNAL_FOLDER)
    folders = [own, *sorted((own.parent / "journals").glob("*"))]
    done = recover.recover(recover.Options(folders), said.append)
    if done is None:
        return Verdict("recovery", False, "The copy does not know that it was restored.")
    taken = next((one for one in said if one.startswith("Closings:")), "")
    return Verdict(
        "recovery", True, f"{taken} The journal knows {len(done.lost)} acts that the copy lacks."
    )


def _keys() -> Verdict:
    """Whether the copy of the keys opens what the copy of the database holds. What a purge has
    ended since was given back by the recovery, as far as it lives."""
    from permissions.keys import rotation

    ended = too_new = rows = 0
    for owner in rotation.key_holders():
        status = rotation.status(owner)
        newest = max(status.versions, default=0)
        rows += sum(status.rows.values())
        too_new += sum(status.rows[one] for one in status.lost if one > newest)
        ended += sum(status.rows[one] for one in status.lost if one <= newest)
    if too_new:
        return Verdict(
            "keys",
            False,
            f"{too_new} of {rows} rows need a key that the copy of the keys does not"
            " hold: it is older than the backup, or of another database.",
        )
    gone = f"; {ended} were purged since, and stay closed" if ended else ""
    return Verdict("keys", True, f"The keys open {rows - ended} of {rows} rows{gone}.")


def _seals() -> Verdict:
    from permissions.ledger import sealed_export, sealer, verifier, witness

    chain = verifier.Chain(sealed_export.public_keys())
    held = witness.length()
    faults = list(verifier.check(sealed_export.verifier_lines(), chain, sys.stderr))
    last, seen = sealer.newest_checkpoint(), witness.last_witnessed()
    if last is None:
        return Verdict("seals", False, "The copy's log has no seal.")
    if seen is None:
        return Verdict("seals", False, "The witness's file is missing or empty.")
    if json.loads(seen.body)["origin"] != last.signed_content["origin"]:
        return Verdict("seals", False, "The witness's file is of another database.")
    faults += verifier.compare(_up_to(last.seq, witness.lines(held)), chain)
    if faults:
        said = few(f"{one.what} ({one.where})" for one in faults)
        return Verdict("seals", False, f"{len(faults)} faults: {said}.")
    lost = max(0, seen.size - last.size)
    return Verdict(
        "seals",
        True,
        f"{last.size:,} entries are as they were sealed, {chain.witnessed:,}"
        f" checkpoints as they were witnessed; the witness knows {lost:,} entries more.",
    )


def _up_to(seq: int, lines: Iterator[str]) -> Iterator[str]:
    """The witness's lines as far as the copy goes: what came later is the tail that it lacks."""
    for line in lines:
        said: dict[str, Any] = json.loads(json.loads(line)["body"])
        if said["seq"] <= seq:
            yield line


def _packet() -> Verdict:
    """Open the packet of the drill's agencies, which are no one's, by the real rules and keys."""
    from permissions.errors import NotPossible
    from referrals.drill.standing import open_drill_packet

    try:
        opened = open_drill_packet()
    except NotPossible as error:
        if error.code != "no_drill":
            raise
        return Verdict(
            "packet",
            None,
            "The backup has no referral of the drill: run `manage.py drill make`"
            " before the next backup.",
        )
    return Verdict("packet", True, f"Opened the drill's packet: {len(opened.fields)} fields.")


# Before the recovery, in sessions that go on in a database which serves nothing.
BEFORE: dict[str, Callable[[], Verdict]] = {
    "senders": _no_sender,
    "schema": _schema,
    "seals": _seals,
    "recovery": _recovered,
}
CHECKS: dict[str, Callable[[], Verdict]] = {
    "answers": _answers,
    "keys": _keys,
    "packet": _packet,
}

if __name__ == "__main__":
    main()
