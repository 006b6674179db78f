"""`manage.py openapi`: write the contract, or show where it differs from what is served.

openapi/hsds.json is its directory alone, for validators of HSDS.
"""

import difflib
import json
from argparse import ArgumentParser
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from openapi import breaking_changes, directory_part


class Command(BaseCommand):
    help = "Write the API's contract, openapi/v1.yaml, from the code."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing; fail if the file differs from the code",
        )
        parser.add_argument(
            "--release",
            metavar="VERSION",
            help="keep openapi/v1.yaml as openapi/released/VERSION.json, for later comparisons",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "openapi" / "v1.yaml"
        if version := options["release"]:
            kept = path.with_name("released") / f"{version}.json"
            bare = breaking_changes.bare(yaml.safe_load(path.read_text()))
            kept.write_text(json.dumps(bare, indent=1, sort_keys=True) + "\n")
            self.stdout.write(f"openapi/released/{version}.json: {len(bare['paths'])} paths")
            return
        schema = SchemaGenerator().get_schema(request=None, public=True)
        new = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()
        beside = path.with_name("hsds.json")
        directory = directory_part.text(schema)
        if not options["check"]:
            path.write_text(new)
            beside.write_text(directory, encoding="utf-8")
            self.stdout.write(f"openapi/v1.yaml: {len(schema['paths'])} paths")
            return
        old = path.read_text() if path.exists() else ""
        if old == new and beside.read_text(encoding="utf-8") != directory:
            raise CommandError("openapi/hsds.json is not of this contract: `make openapi`.")
        if old != new:
            diff = difflib.unified_diff(
                old.splitlines(), new.splitlines(), "committed", "served", lineterm="", n=1
            )
            self.stdout.write("\n".join(list(diff)[:80]))
            raise CommandError(
                "The contract differs from the code. Run `make openapi`, then review the diff."
            )
        self.stdout.write("openapi/v1.yaml matches the code.")
