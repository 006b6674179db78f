"""The files of a new server, made from deploy/ and the answers. Uses no settings.

Nothing is written before all of it is made. Secrets are made here, once; they are in files of mode
0600 and never printed.
"""

import json
import os
import pwd
import re
import secrets
import shlex
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from permissions.keys.secret_files import replace

ROLES = ("owner", "app", "signin", "editor", "auditor", "jobs", "sealer")
SERVING = ("app", "signin", "editor", "auditor")  # of the web processes; through the pooler, too
PRIVATE, PUBLIC = 0o600, 0o644


class Made(NamedTuple):
    """One file: where below the folder, its text, its mode, and whether Cairn's user has it."""

    path: str
    text: str
    mode: int = PUBLIC
    own: bool = False


def safety_lines(lines: list[str]) -> list[dict[str, str]]:
    """`name; number; note` as the settings have it."""
    found = []
    for one in lines:
        name, phone, *note = (part.strip() for part in one.split(";"))
        found.append({"name": name, "phone": phone, "note": note[0] if note else ""})
    return found


def make(answers: dict[str, str], lines: list[str], code: Path, folder: Path) -> list[Made]:
    """Every file of this server, in memory. `code`: where Cairn's source is; `folder`: where the
    files will be. Raises OSError: deploy/ is not there."""
    passwords = {role: secrets.token_hex(24) for role in ROLES}
    deploy = code / "deploy"
    places = _places(answers, code, folder)
    made = [*_environments(answers, lines, passwords)]
    made.append(Made("database.sql", _database(answers, passwords, deploy), PRIVATE))
    for path in sorted((deploy / "systemd").glob("cairn*")):
        made.append(Made(f"systemd/{path.name}", _filled(path, places)))
    made.append(Made("nginx/nginx.conf", _nginx(answers, deploy, folder)))
    for name in ("too_large.json", "too_many.json"):
        made.append(Made(f"nginx/{name}", (deploy / name).read_text()))
    made += [_down_page(deploy, lines), _down_problem(deploy, lines)]
    made.append(Made("postgresql.conf", (deploy / "postgresql.conf").read_text()))
    if answers["pooler"] == "yes":
        made += _pooler(answers, passwords, deploy, folder)
    made.append(Made("manage", _manage(answers, code, folder), 0o755))
    return made


def write(made: list[Made], folder: Path, user: str, replaces: bool) -> list[str]:
    """Write the files; return which files are there already, if there are anything and it is not to
    be replaced: then nothing was written. Killed half-way, run it again with `replaces`.

    Raises OSError.
    """
    there = [one.path for one in made if (folder / one.path).exists()]
    if there and not replaces:
        return there
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = _owner(user)
    for one in made:
        path = folder / one.path
        if path.parent != folder:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace(path, one.text.encode())  # 0600 from its first byte on
        if one.own and owner:
            os.chown(path, *owner)
        path.chmod(one.mode)
    return []


def make_folders(answers: dict[str, str]) -> list[str]:
    """Make the folders of state, for Cairn's user alone; return those that could not be made, each
    with the reason. Twice is safe. A folder that is there keeps what it has."""
    owner, wrong = _owner(answers["user"]), []
    for name in ("home", "key_copy", "witness", "journal"):
        if not answers[name]:
            continue
        path = Path(answers[name])
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            if owner:
                os.chown(path, *owner)
        except OSError as error:
            wrong.append(f"{path}: {error.strerror}")
    return wrong


def _owner(user: str) -> tuple[int, int] | None:
    """The ids of Cairn's user, if this process may give files away and there is one."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid


# -- Environments ----------------------------------------------------------------------------------


def _environments(
    answers: dict[str, str], lines: list[str], passwords: dict[str, str]
) -> list[Made]:
    """cairn.env: what every process reads; jobs.env: the background work; owner.env: migrations."""
    pooled = answers["pooler"] == "yes"
    urls = {role: _url(answers, role, passwords[role], pooled) for role in ROLES}
    # A JSON text without an apostrophe is the same to a shell and to systemd.
    said = json.dumps(safety_lines(lines), ensure_ascii=False).replace("'", "\\u0027")
    common = {
        "CAIRN_BASE_URL": f"https://{answers['host']}",
        "CAIRN_SECRET_KEY": secrets.token_urlsafe(48),
        "CAIRN_HOME": answers["home"],
        "CAIRN_PROXIES": "1",
        "CAIRN_BIND": "127.0.0.1:8000",
        "CAIRN_KEY_FOLDER": answers["key_folder"],
        "CAIRN_KEY_COPY": answers["key_copy"],
        "CAIRN_JOURNAL": answers["journal"],
        "CAIRN_LOG_WITNESS": f"{answers['witness']}/log.ndjson",
        "CAIRN_TIME_ZONE": answers["time_zone"],
        "CAIRN_SAFETY_LINES": said,
        "CAIRN_SMTP": answers["mail"],
        "CAIRN_MAIL_FROM": answers["mail_from"],
        "CAIRN_PREPARE": "0" if pooled else "",
        "DATABASE_URL": urls["app"],
        **{f"DATABASE_URL_{role.upper()}": urls[role] for role in SERVING if role != "app"},
    }
    jobs = {f"DATABASE_URL_{role.upper()}": urls[role] for role in ("jobs", "sealer")}
    owner = {"DATABASE_URL_OWNER": urls["owner"]}
    if pooled:  # the migration, too, reaches PostgreSQL itself
        owner["DATABASE_URL"] = _url(answers, "app", passwords["app"], pooled=False)
    return [
        Made("cairn.env", _environment(common, "What every process reads."), PRIVATE, own=True),
        Made("jobs.env", _environment(jobs, "The background work alone."), PRIVATE, own=True),
        Made("owner.env", _environment(owner, "Migrations alone."), PRIVATE, own=True),
    ]


def _environment(values: dict[str, str], head: str) -> str:
    lines = [f"# {head} deploy/env.example explains each."]
    lines += [f"{name}={shlex.quote(text)}" for name, text in values.items() if text]
    return "\n".join(lines) + "\n"


def _url(answers: dict[str, str], role: str, password: str, pooled: bool) -> str:
    host, port, name = re.fullmatch(r"(.+):(\d+)/(\w+)", answers["database"]).groups()  # type: ignore[union-attr]
    if pooled and role in SERVING:
        host, port = "127.0.0.1", "6432"
    if host.startswith("/"):
        return f"postgresql://{role}:{password}@/{name}?host={quote(host, safe='')}&port={port}"
    local = host in ("127.0.0.1", "localhost", "::1")
    secure = "" if local else "&sslmode=require"
    return f"postgresql://{role}:{password}@{host}:{port}/{name}?connect_timeout=5{secure}"


# -- Database --------------------------------------------------------------------------------------


def _database(answers: dict[str, str], passwords: dict[str, str], deploy: Path) -> str:
    """What the superuser's psql runs once: the roles with their passwords, the database."""
    name = answers["database"].rpartition("/")[2]
    known = "\n".join(f"ALTER ROLE {role} PASSWORD '{passwords[role]}';" for role in ROLES)
    return "\n".join(
        [
            "-- Run once, as the cluster's superuser, in psql. Holds passwords: delete it after.",
            "\\set ON_ERROR_STOP on",
            (deploy / "roles.sql").read_text(),
            known,
            f"SELECT 'CREATE DATABASE {name} OWNER owner TEMPLATE template0 ENCODING ''UTF8'''",
            f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec",
            f"\\connect {name}",
            (deploy / "server_functions.sql").read_text(),
            "SET SESSION AUTHORIZATION owner;",
            (deploy / "database.sql").read_text(),
        ]
    )


def _pooler(
    answers: dict[str, str], passwords: dict[str, str], deploy: Path, folder: Path
) -> list[Made]:
    host, port, name = re.fullmatch(r"(.+):(\d+)/(\w+)", answers["database"]).groups()  # type: ignore[union-attr]
    text = (deploy / "pgbouncer" / "pgbouncer.ini").read_text()
    text = text.replace(
        "cairn = host=127.0.0.1 port=5432 dbname=cairn",
        f"{name} = host={host} port={port} dbname={name}",
    )
    text = text.replace("/etc/cairn/pgbouncer", f"{folder}/pgbouncer")
    if host not in ("127.0.0.1", "localhost", "::1"):
        text += "server_tls_sslmode = require\n"
    users = "".join(f'"{role}" "{passwords[role]}"\n' for role in SERVING)
    return [
        Made("pgbouncer/pgbouncer.ini", text),
        Made("pgbouncer/userlist.txt", users, PRIVATE),
    ]


# -- nginx, units, and how commands are run --------------------------------------------------------


def _places(answers: dict[str, str], code: Path, folder: Path) -> dict[str, str]:
    """What the units have of folders, and what it is here; the longest first."""
    kept = [answers[name] for name in ("key_copy", "journal", "witness") if answers[name]]
    if Path(answers["home"]) not in Path(answers["key_folder"]).parents:
        kept.append(answers["key_folder"])
    return {
        " -/srv/cairn-keys -/srv/cairn-journal -/srv/cairn-witness": "".join(
            f" -{one}" for one in kept
        ),
        "/var/lib/cairn": answers["home"],
        "/etc/cairn": str(folder),
        "/srv/cairn": str(code),
        "User=cairn": f"User={answers['user']}",
        "Group=cairn": f"Group={answers['user']}",
    }


def _filled(path: Path, places: dict[str, str]) -> str:
    """The text with these places; one that was filled in is not looked at again."""
    pattern = re.compile("|".join(map(re.escape, places)))
    return pattern.sub(lambda found: places[found[0]], path.read_text())


def _nginx(answers: dict[str, str], deploy: Path, folder: Path) -> str:
    places = {
        "cairn.example.org": answers["host"],
        "server web:8000;": "server 127.0.0.1:8000;",
        "/etc/nginx/tls": answers["tls"],
        "/etc/nginx/cairn": f"{folder}/nginx",
    }
    return _filled(deploy / "nginx.conf", places)


def _down_page(deploy: Path, lines: list[str]) -> Made:
    """down.html with this network's lines: the first is in the sentence above the list."""
    items = [
        f'<li>{escape(one["name"])}: <a href="tel:{re.sub("[^0-9+]", "", one["phone"])}">'
        f"{escape(one['phone'])}</a>{escape(', ' + one['note']) if one['note'] else ''}</li>\n"
        for one in safety_lines(lines)
    ]
    text = (deploy / "down.html").read_text()
    begin, end = text.index("<li>"), text.index("</ul>")
    return Made("nginx/down.html", text[:begin] + "".join(items) + text[end:])


def _down_problem(deploy: Path, lines: list[str]) -> Made:
    body = json.loads((deploy / "down.json").read_text())
    body["safety_lines"] = safety_lines(lines)
    return Made("nginx/down.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def _manage(answers: dict[str, str], code: Path, folder: Path) -> str:
    """`manage …`: a command of Cairn's, as its user, with the settings of the background work."""
    return f"""\
#!/bin/sh
# Runs a command of Cairn's as its user: {folder}/manage agency show
set -eu
if [ "$(id -un)" != {answers["user"]} ]; then
    exec setpriv --reuid={answers["user"]} --regid={answers["user"]} --init-groups "$0" "$@"
fi
set -a
. {folder}/cairn.env
. {folder}/jobs.env
[ "${{1:-}}" != migrate ] || . {folder}/owner.env
set +a
umask 077
cd {code}
exec .venv/bin/python manage.py "$@"
"""
