"""`manage.py agency add|show|set|invite|terms|confirm`: the agencies of the network."""

from collections import Counter
from collections.abc import Iterator

from django.core.management.base import CommandError
from django.db import transaction

from permissions.audit.operator_tries import operator_try
from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.enrollment import invitations, registered_numbers, terms
from permissions.enrollment.sealed_messages import Address
from permissions.identity import confirmation, provisioning
from permissions.identity.contact_channels import LANGUAGES
from permissions.management.lookup import find_agency
from permissions.management.noun import NounCommand, Options
from permissions.models import AGENCY_KINDS, DUTIES, Agency, Channel, Membership
from referrals.management.deadline_lines import deadline_lines

ADD = """\
  manage.py agency add --name "Campus Advocacy" --kind community_advocate \\
      --duty victim_services --duty privilege --duty-phone 406-555-0140
"""
SHOW = """\
  manage.py agency show
  manage.py agency show "Campus Advocacy"
"""
SET = """\
  manage.py agency set "Campus Advocacy" --takes-notices no
  manage.py agency set "Campus Advocacy" --outside-reviewer MEMBER_ID
  manage.py agency set "Campus Advocacy" --retention-days 60 --duty-phone 406-555-0140
  manage.py agency set "Campus Advocacy" --active no
"""
INVITE = """\
  manage.py agency invite "Campus Advocacy" --name "First Example" --mail first@example.org
  manage.py agency invite "Campus Advocacy" --name "First Example" --sms 406-555-0141
"""
CONFIRM = """\
  manage.py agency confirm "Campus Advocacy"
  manage.py agency confirm "Campus Advocacy" --list 3f9c21ab
"""
YES_NO = {"yes": True, "no": False}


class Command(NounCommand):
    help = "Add an agency, show or change its settings, or confirm its people and systems."

    def add_verbs(self) -> None:
        """Deadlines are set by `manage.py deadlines`."""
        self._add_add()
        show = self.verb(
            "show", self._show, "Show one agency in full, or list all agencies.", examples=SHOW
        )
        show.add_argument(
            "agency", metavar="AGENCY", nargs="?", help="its id or exact name; without it: all"
        )
        self._add_set()
        self._add_invite()
        self.verb(
            "terms",
            self._terms,
            "List the agencies that have still to sign the network's terms (CAIRN_TERMS).",
            "From the day that the terms are in force they can neither send nor accept, and no"
            " referral can be sent to them: call each before.",
        )
        confirm = self.verb(
            "confirm",
            self._confirm,
            "Let people and partner systems in whose rows this server has not bound yet.",
            "After the upgrade to 0.2.0, and after an older backup was restored, they are shut out"
            " until their agency confirms each. Without --list it prints them with the list's"
            " code: read them to the agency, on a number that you know is theirs. With that code it"
            " lets in those on the list and no others; a list that changed meanwhile has another"
            " code.",
            "It does not know who chose a password. Where others may have written the database,"
            " reset each member's sign-in afterwards.",
            examples=CONFIRM,
        )
        confirm.add_argument("agency", metavar="AGENCY", help="its id or exact name")
        confirm.add_argument(
            "--list", metavar="CODE", help="the code of the list that the agency confirmed"
        )

    def _add_add(self) -> None:
        add = self.verb(
            "add",
            self._add,
            "Add an agency: a unit that answers for its own people. Prints its id.",
            examples=ADD,
        )
        add.add_argument("--name", required=True, help="as other agencies read it")
        add.add_argument(
            "--kind", required=True, choices=AGENCY_KINDS, metavar="KIND", help="%(choices)s"
        )
        add.add_argument(
            "--duty",
            action="append",
            default=[],
            choices=DUTIES,
            metavar="DUTY",
            help="a legal duty, which decides on releases (docs/rules.md); repeat for several:"
            " %(choices)s",
        )
        add.add_argument(
            "--time-zone", default="America/Denver", metavar="ZONE", help="default: %(default)s"
        )
        add.add_argument(
            "--duty-phone", default="", metavar="NUMBER", help="a number answered day and night"
        )
        add.add_argument(
            "--registered-number",
            metavar="NUMBER",
            help="where the agency is known to answer, such as 406-555-0140; Cairn asks it there"
            " who its people are (default: the duty phone)",
        )

    def _add_invite(self) -> None:
        invite = self.verb(
            "invite",
            self._invite,
            "Invite the first administrator of an agency that never had a member.",
            "The link is sent to them and shown to no one. They join with a code that Cairn speaks"
            " over the agency's registered number. The agency's administrator invites all others,"
            " at the desk.",
            examples=INVITE,
        )
        invite.add_argument("agency", metavar="AGENCY", help="its id or exact name")
        invite.add_argument("--name", required=True, help="their name, as coworkers read it")
        to = invite.add_mutually_exclusive_group(required=True)
        to.add_argument("--mail", metavar="ADDRESS", help="their own mail address")
        to.add_argument("--sms", metavar="NUMBER", help="their own mobile number")
        invite.add_argument(
            "--language", choices=LANGUAGES, default="en", help="of the message; default: en"
        )

    def _add_set(self) -> None:
        change = self.verb(
            "set",
            self._set,
            "Change an agency's settings. Each option that is left out stays as it is.",
            "`manage.py deadlines set` sets when it owes an answer.",
            examples=SET,
        )
        change.add_argument("agency", metavar="AGENCY", help="its id or exact name")
        change.add_argument(
            "--takes-notices",
            choices=YES_NO,
            help="no: it takes referrals by phone only, and none is sent to it",
        )
        change.add_argument(
            "--outside-reviewer",
            metavar="MEMBER_ID",
            help="a member of another agency, who reviews what no second person here can: that"
            " the only lead assigned a referral to themselves, that a member barred everyone else,"
            " a listing that waits for approval; 'none' for no reviewer",
        )
        change.add_argument(
            "--retention-days",
            type=int,
            metavar="DAYS",
            help="7 to 3650: how long it keeps its part of a referral after the end",
        )
        change.add_argument(
            "--duty-phone", metavar="NUMBER", help="a number answered day and night; '' for none"
        )
        change.add_argument(
            "--registered-number",
            metavar="NUMBER",
            help="of an agency that has none yet and never had a member; later two of its own"
            " people change it, at the desk",
        )
        change.add_argument("--active", choices=YES_NO, help="no: none of its members can sign in")

    def _add(self, options: Options) -> None:
        number = options["registered_number"] or options["duty_phone"]
        with transaction.atomic(using=JOBS):
            agency = provisioning.add_agency(
                options["name"],
                options["kind"],
                options["duty"],
                options["time_zone"],
                options["duty_phone"],
            )
            if number:
                registered_numbers.give_first(agency, number)
        self.stdout.write(f"agency {agency.id}")

    def _invite(self, options: Options) -> None:
        kind = "mail" if options["mail"] else "sms"
        to = Address(kind, options["mail"] or options["sms"], options["language"])
        made = invitations.invite_first(find_agency(options["agency"]), options["name"], to)
        self.stdout.write(
            f"Invited until {made.expires_at:%Y-%m-%d %H:%M} UTC. The link is sent by the"
            " background work (`manage.py worker run`)."
        )

    def _confirm(self, options: Options) -> None:
        agency = find_agency(options["agency"])
        if options["list"]:
            number = confirmation.confirm(agency, options["list"])
            self.stdout.write(f"{number} confirmed: they can sign in, and systems get tokens.")
            return
        found = confirmation.unconfirmed(agency)
        for one in found:
            self.stdout.write(one.line)
        if not found:
            self.stdout.write("Nothing to confirm: every row is bound.")
            return
        self.stdout.write(
            f"Read these {len(found)} to {agency.name}. If all are theirs:"
            f" manage.py agency confirm {agency.id} --list {confirmation.code_of(found)}"
        )

    def _show(self, options: Options) -> None:
        if options["agency"]:
            self._print(find_agency(options["agency"]))
            return
        for agency in Agency.objects.using(JOBS).filter(exercise=None).order_by("name", "id"):
            state = "" if agency.active else "  (ended)"
            self.stdout.write(f"{agency.id}  {agency.name}  {agency.kind}{state}")

    def _set(self, options: Options) -> None:
        given = {
            "takes_notices": YES_NO.get(options["takes_notices"]),
            "outside_reviewer": options["outside_reviewer"],
            "retention_days": options["retention_days"],
            "duty_phone": options["duty_phone"],
            "active": YES_NO.get(options["active"]),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        agency = find_agency(options["agency"])
        if options["registered_number"]:
            with operator_try("agency.change", agency.id), transaction.atomic(using=JOBS):
                registered_numbers.give_first(agency, options["registered_number"])
                log_operator_change("agency.change", agency.id, fields=["registered_number"])
        elif not changes:
            raise CommandError(
                "Nothing to change: give at least one option. `manage.py agency show` prints what"
                " is set now."
            )
        if changes:
            provisioning.set_agency(agency, changes)
        self._print(agency)

    def _terms(self, options: Options) -> None:
        asked = terms.current()
        if asked is None:
            self.stdout.write("The network has no terms: CAIRN_TERMS names no file.")
            return
        self.stdout.write(f"version {asked.version}, in force from {asked.in_force_from:%Y-%m-%d}")
        rest = terms.unsigned(JOBS)
        for id_, name in rest:
            self.stdout.write(f"not signed: {id_} {name}")
        if not rest:
            self.stdout.write("Every active agency has signed.")

    def _print(self, agency: Agency) -> None:
        for line in _lines(agency):
            self.stdout.write(line)


def _lines(agency: Agency) -> Iterator[str]:
    """What an operator needs to know of an agency. No address of a channel is among it."""
    members = Counter(
        Membership.objects.using(JOBS).filter(agency=agency).values_list("live", flat=True)
    )
    yield f"agency {agency.id} {agency.name}"
    yield f"kind: {agency.kind}"
    yield f"duties: {', '.join(agency.duties) or 'none'}"
    yield "status: " + ("active" if agency.active else "ended, its members cannot sign in")
    yield f"members: {members[True]} active, {members[False]} ended"
    yield "referrals: " + ("sent to it here" if agency.takes_notices else "by phone only")
    yield f"outside reviewer: {agency.outside_reviewer_id or 'none'}"
    yield f"retention: {agency.retention_days} days"
    yield f"duty phone: {agency.duty_phone or 'none'}"
    for use in ("duty", "escalation"):
        lines = Channel.objects.using(JOBS).filter(agency=agency, use=use)
        kinds = Counter(lines.values_list("kind", flat=True))
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        yield f"{use} lines: {counts or 'none'}"
    yield from deadline_lines(agency)
