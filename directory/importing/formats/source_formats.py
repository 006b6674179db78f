"""Opens a source for import, as tabular or JSON by its content."""

from pathlib import Path

from directory.importing.formats import csv_reader, json_reader
from directory.importing.records import NotReadable, Package

__all__ = ["NotReadable", "Package", "read"]


def read(path: Path, *, whole: bool = True) -> Package:
    """Open the source at `path`: a folder or zip of CSV files, JSON, ndjson, or a folder of these.

    `whole` requires organizations among CSV files. Raises NotReadable, which says what is wrong.
    """
    full = path.resolve()
    name = full.name if full.is_dir() else full.stem
    if path.is_file() and path.suffix.lower() in json_reader.ENDINGS:
        return json_reader.package(name, path)
    if path.is_dir() and not [*path.glob("*.csv"), *path.glob("*/*.csv")]:
        documents = [f for f in path.iterdir() if f.suffix.lower() in json_reader.ENDINGS]
        if documents:
            return json_reader.package(name, path)
    return csv_reader.package(name, path, whole=whole)
