"""`manage.py translations [LANGUAGE …]`: the message catalogues.

With languages, their catalogues get every text that they lack, still untranslated. All catalogues
are compiled then, and what they leave untranslated is counted.
"""

from argparse import ArgumentParser
from typing import Any

from babel import Locale, UnknownLocaleError
from django.core.management.base import BaseCommand, CommandError

from api.dev import translations


class Command(BaseCommand):
    help = "Complete the catalogues of the named languages; compile all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("language", nargs="*", help="such as es")

    def handle(self, *args: Any, **options: Any) -> None:
        for language in options["language"]:
            try:
                Locale.parse(language)
            except (ValueError, UnknownLocaleError) as error:
                raise CommandError(f"{language} is not a language.") from error
            translations.complete(language)
        known = translations.messages()
        for language in translations.catalogues():
            translations.compiled_file(language).write_bytes(translations.compiled(language))
            said = len(translations.translated(language))
            self.stdout.write(f"{language}: {said} of {len(known)} texts are translated.")
