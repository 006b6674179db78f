"""What a drill concludes from the copy next to the live database, and what the records say."""

import pytest
from django.utils.timezone import now

from api.backup.verdicts import Checkpoint, Report, Verdict, compare_logs, compare_tables
from permissions.health.backups import Figures, lines, trouble

pytestmark = pytest.mark.static

DAY = 86_400.0
WELL = Figures(3600, 20 * DAY, 60, 30 * DAY, 30 * DAY, [], 60, 61)


def test_a_copy_with_the_tail_missing_is_well() -> None:
    found = compare_tables({"event": 9_000, "agency": 3}, {"event": 10_000, "agency": 4})
    assert found.well is True
    assert "2 tables, 9,003 rows" in found.says
    assert compare_tables({"event": 10_000}, {"event": 3_000}).well is True, "a purge removes"
    assert compare_tables({"event": 1}, {"event": 999}).well is True, "too few to be judged"
    assert compare_tables({"event": 1}, {"event": -1}).well is True, "never analyzed"


def test_a_table_that_is_missing_or_half_empty_is_a_fault() -> None:
    missing = compare_tables({"event": 9_000}, {"event": 10_000, "agency": 4})
    assert (missing.well, "agency is missing" in missing.says) == (False, True)
    empty = compare_tables({"event": 4_999}, {"event": 10_000})
    assert (empty.well, "event has 4,999 rows" in empty.says) == (False, True)


def test_without_the_live_database_nothing_is_concluded() -> None:
    assert compare_tables({"event": 1}, {}).well is None
    assert compare_logs(Checkpoint(1, 1, "a"), None, None).well is None


def test_the_copys_log_is_the_beginning_of_the_live_one_or_a_fault() -> None:
    live = Checkpoint(9, 90, "nine")
    well = compare_logs(Checkpoint(7, 70, "seven"), live, "seven")
    assert (well.well, "20 behind it" in well.says) == (True, True)
    for copy, same in ((Checkpoint(7, 70, "seven"), "other"), (Checkpoint(7, 70, "seven"), None)):
        assert "is not the live database's" in compare_logs(copy, live, same).says
    ahead = compare_logs(Checkpoint(10, 99, "ten"), live, None)
    assert (ahead.well, "rolled back" in ahead.says) == (False, True)
    assert compare_logs(None, live, None).well is False


def test_a_drill_is_well_only_where_the_copy_answered_and_nothing_failed() -> None:
    def report(rto_s: float | None, *found: bool | None) -> Report:
        verdicts = [Verdict(str(n), one, "") for n, one in enumerate(found)]
        return Report("", now(), now(), rto_s, 1.0, verdicts)

    assert report(1.0, True, None).well
    assert not report(None, True).well
    assert not report(1.0, True, False).well
    assert report(1.0, True, False, None).failed == ["1"]
    assert report(1.0, True, False, None).left_out == ["2"]


def test_what_is_recorded_and_in_time_is_no_trouble() -> None:
    assert trouble(WELL) == []
    assert "Newest backup: 60 minutes ago." in list(lines(WELL))
    assert "Last drill: 30 days ago; the last one that was well: 30 days ago." in list(lines(WELL))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (WELL._replace(backup_s=None), "no backup"),
        (WELL._replace(backup_s=27 * 3600), "no backup"),
        (WELL._replace(wal_s=None), "no WAL"),
        (WELL._replace(wal_s=2 * DAY), "no WAL"),
        (WELL._replace(well_s=None), "no drill"),
        (WELL._replace(well_s=101 * DAY), "no drill"),
        (WELL._replace(failed=["keys"]), "found faults: keys"),
        (WELL._replace(oldest_s=36 * DAY), "older than CAIRN_BACKUP_DAYS"),
    ],
)
def test_each_trouble_is_said(found: Figures, said: str) -> None:
    (line,) = trouble(found)
    assert said in line
