"""A stranger comes from the README to a referral that the other side has acknowledged, and to a
webhook whose signature is valid. They set nothing, and read as few pages as they can."""

import html
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.conf import settings

from tests.support.ground.cluster import HOME
from tests.support.ground.database import all_in_the_feed
from tests.support.ground.guides import Reader, code, page
from tests.support.ground.live_server import Server
from tests.support.ground.repository import REPOSITORY
from tests.support.servers.losing_proxy import losing_proxy

PAGES = ("README.md", "docs/guides/first-referral.md", "docs/guides/receive-webhooks.md")
FIRST, WEBHOOKS = page("first-referral"), page("receive-webhooks")
MOST_PAGES, MOST_REQUESTS = 4, 3


def test_a_strangers_afternoon(server: Server, tmp_path: Path) -> None:
    assert "CAIRN_WEBHOOK_LOOPBACK" not in os.environ
    reader = Reader(tmp_path, server.demo)
    assert reader.python("var/make_webhook.py", code(WEBHOOKS, "python")) == "ok\n"

    with losing_proxy() as proxy:
        reader.env |= {"HTTP_PROXY": proxy.url, "NO_PROXY": ""}
        said = reader.python("var/refer.py", code(FIRST, "python")).splitlines()
    assert said[0].startswith("sent, to be acknowledged by 20")
    assert said[1] == "acknowledged"
    asked = proxy.paths()
    of_the_sender = asked[: asked.index("/v1/referrals") + 1]
    assert of_the_sender == ["/oauth/token", "/v1/directory/services", "/v1/referrals"]
    assert len(of_the_sender) <= MOST_REQUESTS
    others = [one.rsplit("/", 1)[1] for one in asked[len(of_the_sender) :]]
    assert others == ["token", "acknowledge"]

    deliver(server)
    shown = html.unescape(requests.get(f"{server.base_url}/demo/webhooks", timeout=30).text)
    for act in ("send", "acknowledge"):
        assert f'"act": "{act}"' in shown
    assert shown.count("Signature valid") == shown.count("webhook-signature: v1,") >= 2
    assert "Signature invalid" not in shown


def deliver(server: Server) -> None:
    """What the background work of `make run` does."""
    all_in_the_feed()
    ours = {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": str(settings.DATABASES["default"]["NAME"]),
        "CAIRN_BASE_URL": server.base_url,
    }
    subprocess.run(
        [sys.executable, "manage.py", "worker", "run", "--only", "webhooks", "--once"],
        cwd=REPOSITORY,
        env=os.environ | ours,
        check=True,
    )


@pytest.mark.static
def test_each_page_leads_to_the_next_and_nothing_has_to_be_set() -> None:
    assert len(PAGES) <= MOST_PAGES
    for before, after in itertools.pairwise(PAGES):
        link = os.path.relpath(after, Path(before).parent)
        assert f"({link})" in (REPOSITORY / before).read_text()
    until_it_arrived = WEBHOOKS.split("\n## 3.")[0]
    for text in (FIRST, until_it_arrived):
        assert "CAIRN_" not in text
        assert "export " not in text
