"""What has to be known of a new server, and what is a good answer. Uses no settings."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import available_timezones

HOST = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
INVENTED = re.compile(r"555\D{0,2}01\d\d(?!\d)")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
EXAMPLE = re.compile(r"(^|\.)example(\.(com|org|net))?$")


class Question(NamedTuple):
    """One question. `check` returns the answer as it is used, or raises ValueError with a sentence
    that says what is wrong. `default` None: an answer is needed; "": it may be left out."""

    name: str
    asks: str
    check: Callable[[str], str]
    default: str | None = None


def host(text: str) -> str:
    """A name of the public internet, in small letters."""
    text = text.strip().lower().rstrip(".")
    if "/" in text or ":" in text:
        raise ValueError("Give the name alone, without https:// and without a port.")
    if not HOST.fullmatch(text):
        raise ValueError("A host name is like cairn.yourcounty.gov.")
    if EXAMPLE.search(text):
        raise ValueError("This name is an example's. Give your own.")
    return text


def folder(text: str) -> str:
    """An absolute path, without `..`, that shells and units take as it is."""
    text = text.strip()
    if not re.fullmatch(r"/[A-Za-z0-9._/-]+", text) or ".." in text:
        raise ValueError("Give a whole path like /srv/cairn-keys: letters, digits, . _ - and /.")
    return text.rstrip("/")


def user(text: str) -> str:
    """The name of a user of this machine."""
    if not USER.fullmatch(text.strip()):
        raise ValueError("A user is like cairn: small letters, digits, _ and -.")
    return text.strip()


def database(text: str) -> str:
    """host:port/name of the PostgreSQL server; the host may be a folder of sockets."""
    text = text.strip()
    found = re.fullmatch(
        r"(?P<host>[A-Za-z0-9._-]+|/[A-Za-z0-9._/-]+?)(:(?P<port>[0-9]{1,5}))?/(?P<name>[a-z_][a-z0-9_]{0,62})",
        text,
    )
    if not found or int(found["port"] or 5432) > 65535:
        raise ValueError("The database is like 127.0.0.1:5432/cairn.")
    return f"{found['host']}:{int(found['port'] or 5432)}/{found['name']}"


def time_zone(text: str) -> str:
    """A name of the time zone database."""
    if text.strip() not in available_timezones():
        raise ValueError("The time zone is a name like America/Denver.")
    return text.strip()


def phone_line(text: str) -> str:
    """`name; number; note` of a line that people in danger call."""
    parts = [part.strip() for part in text.split(";")]
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError("A line is like: County crisis line; 1-800-000-0000; day and night.")
    if not text.isprintable():
        raise ValueError("A line is plain text.")
    if INVENTED.search(parts[1]):
        raise ValueError("This number is an invented one (555-01xx), which no one answers.")
    if len(re.sub(r"\D", "", parts[1])) < 3:
        raise ValueError("A line needs a telephone number.")
    return "; ".join(parts)


def mail(text: str) -> str:
    """How mail leaves, or nothing."""
    text = text.strip()
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps", "smtp+plain") or not parts.hostname:
        raise ValueError("Mail is like smtps://user:password@mail.yourcounty.gov:465.")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("The port of the mail server is a number, such as 465.") from None
    if parts.scheme == "smtp+plain" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("smtp+plain is for a relay on this machine only: use smtps.")
    return text


def sender(text: str) -> str:
    """From whom mail comes, or nothing."""
    text = text.strip()
    if text and not re.fullmatch(r"([^<>\n]+ <)?[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+>?", text):
        raise ValueError("A sender is like: Cairn <no-reply@cairn.yourcounty.gov>.")
    return text


def yes_no(text: str) -> str:
    """yes or no."""
    word = text.strip().lower()
    if word not in ("yes", "no", "y", "n"):
        raise ValueError("Answer yes or no.")
    return "yes" if word[0] == "y" else "no"


# The order in which they are asked; each is an option, too: --host, --key-copy …
QUESTIONS = (
    Question("host", "The server's host name, as people type it", host),
    Question("user", "The user of this machine that runs Cairn", user, "cairn"),
    Question("database", "PostgreSQL: host:port/database", database, "127.0.0.1:5432/cairn"),
    Question("home", "A folder for Cairn's state", folder, "/var/lib/cairn"),
    Question("key_folder", "The folder of the keys", folder, "/var/lib/cairn/keys"),
    Question("key_copy", "A folder on ANOTHER disk for the second copy of the keys", folder),
    Question("journal", "A folder on ANOTHER disk for the journal of what was ended", folder, ""),
    Question("witness", "A folder on ANOTHER disk for the witness of the log", folder),
    Question("tls", "The folder with fullchain.pem and privkey.pem", folder, "/etc/nginx/tls"),
    Question("time_zone", "The network's time zone", time_zone, "America/Denver"),
    Question("mail", "How mail leaves, smtps://user:password@host:465 (empty: later)", mail, ""),
    Question("mail_from", "From whom mail comes (empty: later)", sender, ""),
    Question("pooler", "PgBouncer between web and PostgreSQL, yes or no", yes_no, "no"),
)
LINE = Question(
    "line", "A local number to call in danger: name; number; note (empty: no more)", phone_line, ""
)
NATIONAL = (
    "Emergency; 911; Police, fire, ambulance",
    "National Domestic Violence Hotline; 1-800-799-7233; 24 hours, English and Spanish",
    "National Human Trafficking Hotline; 1-888-373-7888; 24 hours, text 233733",
    "National Sexual Assault Hotline; 1-800-656-4673; 24 hours",
)


def together(answers: dict[str, str]) -> list[str]:
    """What is wrong with the answers together, in sentences; empty: nothing."""
    wrong = []
    if bool(answers["mail"]) != bool(answers["mail_from"]):
        wrong.append("Mail needs both: how it leaves (mail) and from whom (mail_from).")
    own = Path(answers["key_folder"])
    for name in ("key_copy", "witness", "journal"):
        if answers[name] and _within(Path(answers[name]), own):
            wrong.append(f"{name} is in the folder of the keys: a lost disk would take both.")
    if answers["key_copy"] and _within(own, Path(answers["key_copy"])):
        wrong.append("The folder of the keys is in key_copy.")
    if answers["pooler"] == "yes" and answers["database"].startswith("/"):
        wrong.append("PgBouncer needs the database's host by name or address, not by its sockets.")
    return wrong


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
