"""The demo's figures can be looked at as soon as it is made, and the check finds them right."""

from typing import Any

from django.test import Client

from api.dev import demo_figures
from referrals.numbers import cells, network_figures
from tests.figures.lives import left_of
from tests.support.people.desk_pages import at_the_desk, text_of


def test_they_are_right_and_there_once(superuser: Any) -> None:
    demo_figures.count()
    found = cells.check()
    assert found.is_right, found
    before = left_of(superuser, "count_cell")
    assert before > 300
    demo_figures.count()
    assert left_of(superuser, "count_cell") == before
    assert left_of(superuser, "earlier_year") == 6


def test_each_page_of_figures_has_something_to_show() -> None:
    demo_figures.count()
    network_figures.step()
    shown = text_of(at_the_desk("ywca.lead").get("/desk/reports").content)
    assert "Referrals that you received" in shown
    assert "Nothing was counted" not in shown
    chair = text_of(at_the_desk("taskforce.coordinator").get("/desk/network-figures").content)
    assert "Class for people who buy sex (in no directory)" in chair
    assert "referrals were sent in the network" in chair
    public = text_of(Client().get("/numbers").content)
    assert "2015" in public
    assert "Cases by year" in public
