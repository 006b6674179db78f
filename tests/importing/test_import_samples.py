"""Real directories are imported, where HSDS_SAMPLES names a folder of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from directory import models as m
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from permissions.database.aliases import JOBS
from tests.support.people.hsds_source import forget

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
real_data = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    from jsonschema import Draft202012Validator, FormatChecker

    return {
        name: Draft202012Validator(
            json.loads((Path(SAMPLES) / "schema" / f"{name}.json").read_text()),
            format_checker=FormatChecker(),
        )
        for name in ("service", "service_list")
    }


@real_data
@pytest.mark.parametrize(
    ("folder", "taken", "words", "finds"),
    [
        ("ilao-hsds-1.1", 89, "domestic violence", "Domestic violence program - Pilsen"),
        ("ohana-sample", 23, "passprt photos", "Passport Photos"),
    ],
)
def test_real_directories_import_and_every_answer_fits_the_standard(
    api: Any, schemas: dict[str, Any], folder: str, taken: int, words: str, finds: str
) -> None:
    source = f"real-{folder}"
    try:
        report = import_package(read(Path(SAMPLES) / "data" / folder), source)
        counts = report.counts()["services"]
        assert counts["taken"] + counts["mended"] == taken
        assert all(record["why"] for record in report.records() if record["outcome"] != "taken")
        again = import_package(read(Path(SAMPLES) / "data" / folder), source)
        assert again.changes.total() == 0

        nobody = api(None)
        found = nobody.get("/v1/directory/services", {"search": words, "per_page": "100"}).json()
        assert finds in [item["name"] for item in found["contents"]]
        services = m.Service.objects.using(JOBS).filter(source=source)
        ids = [str(one) for one in services.values_list("id", flat=True)]
        assert len(ids) == taken
        seen = 0
        for page in range(1, 4):
            listed = nobody.get("/v1/directory/services", {"page": str(page), "per_page": "100"})
            for item in listed.json()["contents"]:
                schemas["service_list"].validate(item)
                seen += item["id"] in ids
        assert seen == services.filter(status="active").count()
        for one in ids:
            schemas["service"].validate(nobody.get(f"/v1/directory/services/{one}").json())
    finally:
        forget(source)
