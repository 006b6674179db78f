"""The form of a command with several verbs: `manage.py NOUN VERB`."""

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import Error

from permissions import denials
from permissions.audit.operator_tries import log_refused_try
from permissions.errors import BadRequest, Refused
from permissions.identity.provisioning import NOT_OPERATORS
from permissions.management.lookup import agencies_named

Options = dict[str, Any]
RECOVER = "Run `manage.py database recover` first: deploy/RUNBOOK.md, Restore."


class _HelpFormatter(DjangoHelpFormatter):
    """Wraps paragraphs, but keeps the lines of a paragraph that contains an indented line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            self._fill_paragraph(paragraph.strip("\n"), width, indent)
            for paragraph in text.split("\n\n")
        )

    def _fill_paragraph(self, text: str, width: int, indent: str) -> str:
        return text if "\n  " in text else super()._fill_text(text, width, indent)


class NounCommand(BaseCommand):
    """Base class: a command declares its verbs in `add_verbs`, and this runs the one asked for.

    The message of a refusal of the domain becomes the command's error message.
    """

    refusals: tuple[type[Exception], ...] = ()  # exceptions besides Refused that state a refusal

    def add_verbs(self) -> None:
        """Declare each verb by `self.verb(…)`."""
        raise NotImplementedError

    def verb(
        self,
        name: str,
        run: Callable[[Options], None],
        summary: str,
        *paragraphs: str,
        examples: str = "",
    ) -> ArgumentParser:
        """Declare a verb, which `run` does. Returns its parser, to add arguments to.

        `summary` is one sentence, which also appears in the list of verbs; `examples` are lines to
        type, indented by two.
        """
        parser: ArgumentParser = self._verbs.add_parser(
            name,
            help=summary,
            description="\n\n".join([summary, *paragraphs]),
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=_HelpFormatter,
        )
        # Django's option, after the verb as well.
        parser.add_argument("--traceback", action="store_true", default=SUPPRESS, help=SUPPRESS)
        parser.set_defaults(run=run)
        return parser

    def removed(self, name: str, act: str, instead: str) -> None:
        """Refuse a verb of an earlier release that gave someone a right, whatever follows it: with
        an entry in the log of each agency that its words name. `instead`: a sentence that says who
        does it now. It appears in no help."""

        def refuse(options: Options) -> None:
            for agency_id, member_id, client_id in agencies_named(options["words"]):
                log_refused_try(act, NOT_OPERATORS, agency_id, member_id, client_id)
            raise BadRequest(NOT_OPERATORS, f"There is no `{name}` any more. {instead}")

        # No text begins with NUL: all that follows are words, options of the earlier release too.
        parser = self._verbs.add_parser(name, add_help=False, prefix_chars="\0")
        parser.add_argument("words", nargs="*")
        parser.set_defaults(run=refuse, removed=True)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """As Django, with the verbs in the help."""
        kwargs |= {
            "formatter_class": _HelpFormatter,
            "usage": "%(prog)s VERB …",
            "epilog": f"manage.py {subcommand} VERB --help explains one verb.",
        }
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.set_defaults(run=None)
        self._verbs = parser.add_subparsers(
            title="verbs", dest="verb", metavar="VERB", prog=parser.prog
        )
        self.add_verbs()

    def handle(self, *args: Any, **options: Any) -> None:
        if options["run"] is None:
            raise CommandError(f"Give a verb: {', '.join(self._verbs.choices)}. --help explains.")
        try:
            options["run"](options)
        except Refused as refusal:
            raise CommandError(refusal.detail) from refusal
        except self.refusals as error:
            raise CommandError(str(error)) from error
        except Error as error:
            if waits := denials.not_recovered(error):
                raise CommandError(f"{waits.detail} {RECOVER}") from error
            raise
