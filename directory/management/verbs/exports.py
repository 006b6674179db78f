"""`manage.py directory export|generate`: write a directory as HSDS files."""

from functools import partial
from pathlib import Path
from uuid import UUID

from django.core.management.base import CommandError

from directory.exporting import export
from directory.fake_data import generate
from permissions.database.aliases import JOBS
from permissions.management.noun import NounCommand, Options
from permissions.models import Agency

EXAMPLES = """\
  manage.py directory export directory.zip
  manage.py directory export own-part --own 3f6c1a52-7d1e-4a36-9f43-0c8e5b1d2a10
"""


def add_verbs(command: NounCommand) -> None:
    """Declare both verbs."""
    write = command.verb(
        "export",
        partial(_export, command),
        "Write the directory as HSDS in tabular form: CSV files and a datapackage.json.",
        "`directory import` and other HSDS tools read it. Without --own it has everything public."
        " With --own it has the organizations that one agency edits, including confidential"
        " entries. Neither has the address of a confidential place.",
        examples=EXAMPLES,
    )
    write.add_argument(
        "path", type=Path, metavar="FOLDER|FILE.zip", help="a new path, or an empty folder"
    )
    write.add_argument("--own", type=UUID, metavar="AGENCY_ID", help="this agency's part only")
    write.add_argument(
        "--with-licensed",
        action="store_true",
        help="also write terms that are marked as licensed (directory licensed-terms); only a"
        " licensee may have this file",
    )
    invent = command.verb(
        "generate",
        partial(_generate, command),
        "Write an invented directory of any size as HSDS CSV files, for benchmarks and tests.",
        "The same N and seed give the same files. `directory import` reads them.",
    )
    invent.add_argument("services", type=int, metavar="N", help="the number of services")
    invent.add_argument("folder", type=Path, metavar="FOLDER", help="a new or empty folder")
    invent.add_argument(
        "--seed", type=int, default=1, metavar="SEED", help="another seed gives other data"
    )


def _export(command: NounCommand, options: Options) -> None:
    path, own = options["path"], options["own"]
    if not path.resolve().parent.is_dir():
        raise CommandError(f"The folder for {path} does not exist. Make it first.")
    if own and not Agency.objects.using(JOBS).filter(id=own).exists():
        raise CommandError(
            f"No agency has the id {own}. `manage.py agency show` lists all agencies."
        )
    try:
        done = export(path, agency_id=own, with_licensed=options["with_licensed"])
    except FileExistsError:
        raise CommandError(f"{path} already exists. Name a new file or folder.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    for table, count in done.written.items():
        left = done.left_out[table]
        more = f" ({left} left out: they belong to rows that are not exported)" if left else ""
        if count or left:
            command.stdout.write(f"{count:>10} {table}{more}")


def _generate(command: NounCommand, options: Options) -> None:
    services, folder = options["services"], options["folder"]
    if services < 1:
        raise CommandError("N is the number of services: 1 or more.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is not an empty folder. Name a new one.")
    generate(services, folder, seed=options["seed"])
    command.stdout.write(f"{services} services written to {folder}.")
