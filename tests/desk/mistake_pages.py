"""Reports of mistakes in the directory, as readers make them and as they are stored."""

from typing import Any

from directory.demo import loader
from tests.support.people.desk_pages import Pages, at_the_desk, text_of

CRISIS = str(loader.service_id("shelter-crisis"))  # ywca edits it
BY_NO_ONE = str(loader.service_id("911"))
WORDS = "It is now 406-555-0199."


def say(
    pages: Pages,
    service: str,
    what: str = "no_answer",
    words: str = WORDS,
    at: str = "/directory",
) -> Any:
    return pages.submit(f"{at}/{service}/mistake", {"what": what, "words": words})


def waits_for(who: str) -> str:
    return text_of(at_the_desk(who).get("/desk/entry-mistakes").content)


def stored(superuser: Any) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT id::text, service_id::text, what, words, at, done_by, done_at"
            " FROM directory_mistake_report ORDER BY at, id"
        )
        found: list[Any] = cursor.fetchall()
    return found
