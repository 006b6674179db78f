"""Every command of `manage.py` that is Cairn's own, and its verbs, as their parsers say them."""

from argparse import ArgumentParser, _SubParsersAction

from django.core.management import get_commands, load_command_class

FLOORS = ("permissions", "directory", "referrals", "api")


def our_commands() -> list[str]:
    """The names, in alphabetical order."""
    return sorted(name for name, app in get_commands().items() if app in FLOORS)


def parser_of(name: str) -> ArgumentParser:
    """The parser of one of our commands. Wrong words make it raise CommandError."""
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def verb_parsers(name: str) -> dict[str, ArgumentParser]:
    """The parser of each verb of a command; none for a command without verbs."""
    for action in parser_of(name)._actions:
        if isinstance(action, _SubParsersAction):
            return {
                name: parser
                for name, parser in action.choices.items()
                if not parser.get_default("removed")
            }
    return {}


def verbs_of(name: str) -> list[str]:
    """The verbs of a command; one without verbs has the verb ''."""
    return list(verb_parsers(name)) or [""]
