"""What `manage.py check --deploy` asks of the machine and of the settings, besides the database's
own checks (permissions/database/checks.py). Each is asked of the thing itself.

permissions.E020  the database takes no writes: its disk is full, or it is a standby or read-only
permissions.E021  no key opens: the folder of keys, or Vault, is gone or is of another database
permissions.E022  no entry of the access log can be written
permissions.E023  no machine does the background work, or a job of it fails
permissions.E024  a folder that Cairn must write is missing, or cannot be written
permissions.E025  a disk has no room
permissions.E026  DEBUG is on, or the log is at DEBUG
permissions.E027  CAIRN_PROXIES is 0 behind nginx: every caller has nginx's address
permissions.E028  a role of the web process has no time limit for its statements
permissions.E029  the server does not answer by its own name through nginx
permissions.W020  a copy is on the same disk as what it is a copy of
permissions.W022  no mail is sent
permissions.W023  no one is called, and no text message is sent
permissions.W024  the certificate ends soon
permissions.W025  there is little room on a disk
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks as messages
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import Error as DatabaseError
from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.checks import SERVING
from permissions.errors import Refused
from permissions.health import checks, failures, own_address
from permissions.health.heartbeats import heartbeats, job_healths

FULL, LITTLE = 100, 1000  # MB left on a disk
ENDS_SOON_DAYS = 21.0


@register(Tags.database, deploy=True)
def it_can_serve(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """permissions.E020 to E022, E028: what a web process needs, asked as `app`."""
    if "default" not in (databases or ()):
        return []
    found: list[CheckMessage] = []
    asked: tuple[tuple[Callable[[], None], str, str, str], ...] = (
        (
            *(checks.writes, "permissions.E020", "The database takes no writes"),
            "Its disk may be full (53100), or this is a standby or read-only (25006).",
        ),
        (
            *(checks.keys_open, "permissions.E021", "No key opens"),
            "Is CAIRN_KEY_FOLDER the whole folder of this database, readable for this user?",
        ),
        (
            *(checks.log_takes_entries, "permissions.E022", "The access log takes no entries"),
            "42501 is a grant: manage.py migrate --database owner. 53100 is the disk.",
        ),
    )
    for ask, code, what, hint in asked:
        try:
            ask()
        except (Refused, DatabaseError, OSError) as error:
            said = failures.named(error)
            found.append(Error(f"{what} ({', '.join(said.values())}).", hint=hint, id=code))
    return found + _without_limit(databases or ())


def _without_limit(databases: Iterable[str]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases:
        if alias not in SERVING:
            continue
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout') = '0', current_user")
            (endless, role) = cursor.fetchone()
        if endless:
            found.append(
                Error(
                    f"The role {role} has no time limit: a statement that hangs holds a thread.",
                    hint="Run deploy/roles.sql, and set no statement_timeout of your own.",
                    id="permissions.E028",
                )
            )
    return found


@register(Tags.database, deploy=True)
def the_background_work_is_done(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """permissions.E023, by the heartbeats: each job that any machine ever did, and that it is done
    now. Asked where the connection of `jobs` is."""
    if JOBS not in (databases or ()):
        return []
    try:
        rows = heartbeats(JOBS)
    except DatabaseError:
        return []  # not migrated yet, or another check says why
    healths = job_healths(sorted({one.job for one in rows}), rows)
    wrong = [f"{one.job} ({one.state})" for one in healths if one.state != "ok"]
    if rows and not wrong:
        return []
    return [
        Error(
            f"The background work is not done: {', '.join(wrong) or 'no machine does it'}.",
            hint="Start cairn-worker; `manage.py worker status` says more.",
            id="permissions.E023",
        )
    ]


# -- Folders and disks -----------------------------------------------------------------------------


def _kept() -> list[tuple[str, Path]]:
    """The folders that Cairn writes: by the variable that names each."""
    found = [("CAIRN_HOME", Path(settings.HOME))]
    if settings.KEY_STORE["class"].endswith("FileKeyStore"):
        found.append(("CAIRN_KEY_FOLDER", Path(settings.KEY_STORE["folder"])))
        if settings.KEY_COPY:
            found.append(("CAIRN_KEY_COPY", Path(settings.KEY_COPY)))
    found.append(("CAIRN_LOG_WITNESS", Path(settings.LOG_WITNESS_FILE).parent))
    if journal := getattr(settings, "JOURNAL_FOLDER", ""):
        found.append(("CAIRN_JOURNAL", Path(journal)))
    return found


@register(deploy=True)
def folders_can_be_written(**kwargs: Any) -> list[CheckMessage]:
    """permissions.E024, E025 and W025. A file is written and removed in each."""
    found: list[CheckMessage] = []
    for name, folder in _kept():
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
            left = shutil.disk_usage(folder).free // 1_000_000
        except OSError as error:
            found.append(
                Error(
                    f"The folder of {name} cannot be written: {error.strerror}.",
                    hint="Make it for Cairn's user alone (0700), and mount its disk.",
                    id="permissions.E024",
                )
            )
            continue
        if left < FULL:
            found.append(Error(f"{left} MB are left on the disk of {name}.", id="permissions.E025"))
        elif left < LITTLE:
            found.append(
                messages.Warning(
                    f"{left} MB are left on the disk of {name}.", id="permissions.W025"
                )
            )
    return found


@register(deploy=True)
def copies_are_elsewhere(**kwargs: Any) -> list[CheckMessage]:
    """permissions.W020: a lost disk must not take both. The database's disk is not seen here."""
    folders = dict(_kept())
    first = folders.get("CAIRN_KEY_FOLDER", folders["CAIRN_HOME"])
    same = []
    for name in ("CAIRN_KEY_COPY", "CAIRN_LOG_WITNESS", "CAIRN_JOURNAL"):
        try:
            if name in folders and os.stat(folders[name]).st_dev == os.stat(first).st_dev:
                same.append(name)
        except OSError:
            continue  # permissions.E024 says so
    if not same:
        return []
    return [
        messages.Warning(
            f"On the same disk as the keys: {', '.join(same)}. What is lost with it has no copy.",
            hint="Another disk, or another machine's that is mounted.",
            id="permissions.W020",
        )
    ]


# -- Settings, and what is before this process -----------------------------------------------------


@register(deploy=True)
def settings_are_a_servers(**kwargs: Any) -> list[CheckMessage]:
    """permissions.E026, E027, W022 and W023."""
    found: list[CheckMessage] = []
    if settings.DEBUG or settings.LOGGING["level"] == "DEBUG":
        found.append(
            Error(
                "DEBUG: a page or a log line may show what it failed on.",
                hint="DEBUG = False, and CAIRN_LOG_LEVEL=INFO.",
                id="permissions.E026",
            )
        )
    if settings.HTTPS and not settings.PROXIES:
        found.append(
            Error(
                "CAIRN_PROXIES is 0: behind nginx every caller has the same address, and one"
                " person's wrong passwords shut out all.",
                hint="CAIRN_PROXIES=1, or how many proxies of yours there are.",
                id="permissions.E027",
            )
        )
    for kind, variable, code, what in (
        ("mail", "CAIRN_SMTP", "permissions.W022", "No mail is sent"),
        ("phone", "CAIRN_TWILIO_ACCOUNT", "permissions.W023", "No call or text message goes out"),
    ):
        if settings.SENDERS[kind] is None:
            found.append(
                messages.Warning(
                    f"{what}: people learn of a referral only by looking.",
                    hint=f"{variable}; deploy/RUNBOOK.md, Messages.",
                    id=code,
                )
            )
    return found


@register(deploy=True)
def it_answers_by_its_name(**kwargs: Any) -> list[CheckMessage]:
    """permissions.E029 and W024: asked by the server's own name, as people's browsers do."""
    if settings.LOOPBACK:
        return []
    try:
        days = own_address.days_of_certificate()
        own_address.require_ours()
    except own_address.NotOurs as error:
        return [
            Error(
                f"{settings.BASE_URL} {error}",
                hint="nginx -t; its log; its `upstream`; the name's address seen from here.",
                id="permissions.E029",
            )
        ]
    if days >= ENDS_SOON_DAYS:
        return []
    return [
        messages.Warning(
            f"The certificate of {settings.BASE_URL} ends in {days:.0f} days.",
            hint="Renew it, then `systemctl reload nginx`.",
            id="permissions.W024",
        )
    ]
