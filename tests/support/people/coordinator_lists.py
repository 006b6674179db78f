"""The lists that the coordinator answers at the desk: terms of sources, pairs of services."""

import re
from collections.abc import Iterable

from tests.support.people.desk_pages import Pages

NO_ONE_ELSE = ("ywca.editor", "ywca.lead", "police.worker", "taskforce.auditor", "ywca.admin")


def answered_to_the_end(pages: Pages, path: str, answer: str) -> list[str]:
    """The ids of all items, page after page, where the first of each page is answered so as soon as
    it is read: each time the answer leads back to what is left of that page."""
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        at = f"{path}?after={after}" if after else path
        page = pages.get(at).content.decode()
        shown = list(dict.fromkeys(re.findall(rf'"{path}/([0-9a-f-]{{36}})/{answer}\b', page)))
        seen += shown
        query = f"?after={after}" if after else ""
        gone = pages.submit(at, action=f"{path}/{shown[0]}/{answer}{query}")
        assert gone.redirect_chain[-1][0] == at, "back to what is left of that page"
        assert shown[0] not in gone.content.decode()
        more = re.search(r'href="\?show=open&amp;after=([^"]+)"', page)
        after = more[1] if more else None
    return seen


def assert_begins_at_wrong_places(pages: Pages, path: str, wrong: Iterable[str], has: str) -> None:
    """A place in the list that is none is its beginning."""
    for one in wrong:
        answer = pages.get(path, {"after": one, "show": "nothing"})
        assert (answer.status_code, has in answer.content.decode()) == (200, True), one
