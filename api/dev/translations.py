"""The message catalogues: what is to be translated, found in the code, and the catalogues' files.

Found are texts marked for Django's `gettext` in Python and in templates, texts declared as data
(referrals/declared_texts.py), and the details of refusals, which the desk shows.
"""

import ast
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, extract, pofile
from django.conf import settings
from django.utils.translation.template import templatize

from api import languages
from api.http.problem_details import STATUS
from permissions.errors import Refused
from referrals.declared_texts import declared_texts

Message = tuple[str, ...]  # the English text, and its plural where there is one
APPS = ("permissions", "directory", "referrals", "api")
MARKS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2}
WIDTH = 96


def messages() -> dict[Message, set[str]]:
    """Every text to be translated, with the files where it is; none for what is declared as
    data."""
    import_module(settings.ROOT_URLCONF)  # so that all acts are declared
    found: dict[Message, set[str]] = {}
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*")):
            if "migrations" in path.parts:
                continue
            name = str(path.relative_to(settings.BASE_DIR))
            if path.suffix == ".py":
                for message in in_python(path.read_text(encoding="utf-8")):
                    found.setdefault(message, set()).add(name)
            elif path.suffix == ".html":
                for message in in_template(path.read_text(encoding="utf-8")):
                    found.setdefault(message, set()).add(name)
    for text in (*declared_texts(), *(title for _status, title in STATUS.values())):
        found.setdefault((text,), set())
    return found


def in_python(source: str) -> Iterator[Message]:
    """Yield what a module marks, and the details of its refusals."""
    refusals = _refusals()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                if name in MARKS:
                    texts = [_text(one) for one in args[: MARKS[name]]]
                elif name in refusals and len(args) > 1:
                    texts = [_text(args[1])]
                else:
                    continue
                if texts and all(texts):
                    yield tuple(texts)
            case ast.ClassDef(name=name, body=body) if name in refusals:
                for one in body:
                    if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "detail":
                        yield from [(text,)] if (text := _text(one.value)) else []


def in_template(source: str) -> Iterator[Message]:
    """Yield what a template marks with `translate` and `blocktranslate`."""
    code = "\n".join(line.strip() for line in templatize(source).splitlines())
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    for _line, _name, text, _comments in extract.extract_python(
        BytesIO(code.encode()), keywords, (), {"encoding": "utf-8"}
    ):
        texts = text if isinstance(text, tuple) else (text,)
        yield tuple(str(one) for one in texts if one)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@lru_cache
def _refusals() -> set[str]:
    """The names of the classes that are refusals, wherever they are: whether their module was
    imported yet makes no difference."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for app in APPS
        for path in (settings.BASE_DIR / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    found = {Refused.__name__}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


# -- The files -------------------------------------------------------------------------------------


def catalogue_file(language: str) -> Path:
    return languages.FOLDER / language / "LC_MESSAGES" / "django.po"


def compiled_file(language: str) -> Path:
    return catalogue_file(language).with_suffix(".mo")


def catalogues() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(path.parents[1].name for path in languages.FOLDER.glob("*/LC_MESSAGES/django.po"))


def read(language: str) -> Catalog:
    with catalogue_file(language).open("rb") as file:
        return pofile.read_po(file, locale=language)


def header(language: str) -> str:
    """The lines at the top of the language's catalogue, or those of a new one."""
    path = catalogue_file(language)
    if path.exists():
        return path.read_text(encoding="utf-8").partition("\n\n")[0]
    plural = Catalog(locale=language).plural_forms
    lines = (
        f"Language: {language}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        f"Plural-Forms: {plural}",
        "X-Cairn-Offers: ",
    )
    said = "\n".join(f'"{line}\\n"' for line in lines)
    return f'# {languages.name_of(language)}\nmsgid ""\nmsgstr ""\n{said}'


def complete(language: str) -> None:
    """Give the language's catalogue every text that it lacks, still untranslated; make a catalogue
    if there is none. Texts that are no longer in the code are removed."""
    path, top = catalogue_file(language), header(language)
    there = read(language) if path.exists() else Catalog(locale=language)
    entries = [top]
    for message, files in sorted(messages().items()):
        known = there.get(message[0])
        entries.append(_entry(message, known.string if known else "", files))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(entries) + "\n", encoding="utf-8")


def _entry(message: Message, said: str | Sequence[str] | None, files: set[str]) -> str:
    lines = [f"#: {name}" for name in sorted(files)]
    lines.append(f"msgid {pofile.normalize(message[0], width=WIDTH)}")
    if len(message) == 1:
        lines.append(f"msgstr {pofile.normalize(str(said), width=WIDTH)}")
    else:
        lines.append(f"msgid_plural {pofile.normalize(message[1], width=WIDTH)}")
        forms = said if isinstance(said, tuple) else ("", "")
        lines += [
            f"msgstr[{number}] {pofile.normalize(form, width=WIDTH)}"
            for number, form in enumerate(forms)
        ]
    return "\n".join(lines)


def translated(language: str) -> dict[Message, tuple[str, ...]]:
    """The texts that the catalogue translates: one with a number, when each of its forms is."""
    found = {}
    for one in read(language):
        said = _forms(one.string)
        if one.id and all(said) and not one.fuzzy:
            found[_forms(one.id)] = said
    return found


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def compiled(language: str) -> bytes:
    """The catalogue as gettext reads it (GNU gettext manual, "The Format of GNU MO Files"). It is
    committed, so that no machine needs a compiler."""
    texts = {b"": _unquoted(header(language)).encode()}
    for ids, said in translated(language).items():
        texts["\0".join(ids).encode()] = "\0".join(said).encode()
    known = sorted(texts.items())
    at = 7 * 4 + 16 * len(known)  # after the header and both tables
    tables: list[list[int]] = [[], []]
    body = b""
    for which in (0, 1):
        for pair in known:
            tables[which] += [len(pair[which]), at + len(body)]
            body += pair[which] + b"\0"
    start = [0x950412DE, 0, len(known), 28, 28 + 8 * len(known), 0, 28 + 16 * len(known)]
    numbers = [*start, *tables[0], *tables[1]]
    return struct.pack(f"<{len(numbers)}I", *numbers) + body


def _unquoted(top: str) -> str:
    return "".join(
        line[1:-1].replace("\\n", "\n") for line in top.splitlines() if line.startswith('"')
    )
