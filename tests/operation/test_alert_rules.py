"""deploy/alerts.yaml as Prometheus runs it: each fault fires its rule, in time, and no other one;
a server that is well fires none; and each alert ends when the fault does. `promtool test rules`.

It skips, in words, where there is no promtool on the machine; never in CI.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ground.repository import DEPLOY

pytestmark = pytest.mark.static

RULES = DEPLOY / "alerts.yaml"
FAULT, OVER = 40, 100  # minutes: how long a fault lasts here, and how long it is looked at
FRONT = 'instance="web:8000"'

# What a server that is well says, in promtool's words: a value for each minute.
WELL: dict[str, str] = {
    f"cairn_ready{{{FRONT}}}": "1x100",
    f'cairn_check_ok{{{FRONT},check="database"}}': "1x100",
    f'cairn_check_ok{{{FRONT},check="journal"}}': "1x100",
    f'cairn_requests_total{{{FRONT},route="desk/",method="GET",status="200"}}': "0+60x100",
    f'cairn_requests_total{{{FRONT},route="desk/",method="GET",status="503"}}': "0x100",
    f'cairn_refusals_total{{{FRONT},code="log",status="503"}}': "0x100",
    f'cairn_refusals_total{{{FRONT},code="key_store",status="503"}}': "0x100",
    f'cairn_refusals_total{{{FRONT},code="credential",status="401"}}': "0+6x100",
    f'cairn_request_seconds_bucket{{{FRONT},le="0.1"}}': "0+58x100",
    f'cairn_request_seconds_bucket{{{FRONT},le="3"}}': "0+60x100",
    f'cairn_request_seconds_bucket{{{FRONT},le="10"}}': "0+60x100",
    f'cairn_request_seconds_bucket{{{FRONT},le="+Inf"}}': "0+60x100",
    f'cairn_job_ok{{{FRONT},job="mail"}}': "1x100",
    f'cairn_job_ok{{{FRONT},job="purge"}}': "1x100",
    f'cairn_job_failing_seconds{{{FRONT},job="mail"}}': "0x100",
    f'cairn_job_done_age_seconds{{{FRONT},job="mail"}}': "8x100",
    f'cairn_job_done_age_seconds{{{FRONT},job="purge"}}': "3000x100",
    f"cairn_seal_lag_seconds{{{FRONT}}}": "1x100",
    f"cairn_seals_stopped{{{FRONT}}}": "0x100",
    f"cairn_log_faults{{{FRONT}}}": "0x100",
    f'cairn_messages_stuck{{{FRONT},kind="mail"}}': "0x100",
    f'cairn_message_overdue_seconds{{{FRONT},kind="mail"}}': "0x100",
    f'cairn_message_oldest_waiting_seconds{{{FRONT},kind="mail"}}': "20x100",
    f'cairn_messages{{{FRONT},kind="mail",state="dead",outcome="refused"}}': "2x100",
    f'cairn_messages{{{FRONT},kind="mail",state="dead",outcome="needless"}}': "0+5x100",
    f"cairn_webhook_oldest_undelivered_seconds{{{FRONT}}}": "30x100",
    f"cairn_webhooks_failing{{{FRONT}}}": "1x100",
    f"cairn_webhooks_stopped{{{FRONT}}}": "3x100",
    f'cairn_disk_free_bytes{{{FRONT},place="keys"}}': "60x100",
    f'cairn_disk_size_bytes{{{FRONT},place="keys"}}': "100x100",
    f"cairn_clock_apart_seconds{{{FRONT}}}": "0.2x100",
    f"cairn_clock_shifted{{{FRONT}}}": "0x100",
    f"cairn_figures_missing{{{FRONT}}}": "0x100",
    f'cairn_check_ok{{{FRONT},check="timeline"}}': "1x100",
    f'cairn_refusals_total{{{FRONT},code="too_many_requests",status="429"}}': "0+1x100",
    f"cairn_log_lines_dropped_total{{{FRONT}}}": "0x100",
    f"cairn_journal_lag_seconds{{{FRONT}}}": "0x100",
    f"cairn_backup_age_seconds{{{FRONT}}}": "40000x100",
    f"cairn_backup_wal_age_seconds{{{FRONT}}}": "40x100",
    f"cairn_backup_uncovered{{{FRONT}}}": "0x100",
    f"cairn_backup_drill_age_seconds{{{FRONT}}}": "800000x100",
    f"cairn_backup_drill_faults{{{FRONT}}}": "0x100",
    f"cairn_certificate_days{{{FRONT}}}": "60x100",
    f'cairn_directory_reads_total{{{FRONT},source="standby"}}': "0+9x100",
    f'cairn_directory_reads_total{{{FRONT},source="primary_away"}}': "0x100",
}


def during(fault: str, well: str) -> str:
    """This value for the fault's time, then that one."""
    return f"{fault}x{FAULT} {well}x{OVER - FAULT}"


# By alert: what a fault changes, the labels that it fires with, and the minute by which it does.
Fault = tuple[dict[str, str], dict[str, str], int]
HERE = {"instance": "web:8000"}  # of a figure as it was read
FAULTS: dict[str, Fault] = {
    "CairnNotReady": (
        {f"cairn_ready{{{FRONT}}}": during("0", "1")},
        HERE,
        3,
    ),
    "CairnCheckFailing": (
        {f'cairn_check_ok{{{FRONT},check="journal"}}': during("0", "1")},
        {"check": "journal"},
        6,
    ),
    "CairnUnanswered": (
        {
            f'cairn_requests_total{{{FRONT},route="desk/",method="GET",status="503"}}': (
                f"0+6x{FAULT} 240x60"
            )
        },
        {},
        8,
    ),
    "CairnLogRefuses": (
        {f'cairn_refusals_total{{{FRONT},code="log",status="503"}}': f"0 1x{FAULT} 1x60"},
        {},
        2,
    ),
    "CairnKeysRefuse": (
        {f'cairn_refusals_total{{{FRONT},code="key_store",status="503"}}': f"0 1x{FAULT} 1x60"},
        {},
        2,
    ),
    "CairnSlow": (
        {
            f'cairn_request_seconds_bucket{{{FRONT},le="0.1"}}': f"0+40x{FAULT} 1600+58x60",
            f'cairn_request_seconds_bucket{{{FRONT},le="3"}}': f"0+50x{FAULT} 2000+60x60",
        },
        {},
        12,
    ),
    "CairnManyRefused": (
        {
            f'cairn_refusals_total{{{FRONT},code="credential",status="401"}}': (
                f"0+90x{FAULT} 3600+6x60"
            )
        },
        {},
        26,
    ),
    "CairnWorkerDead": (
        {
            f'cairn_job_ok{{{FRONT},job="mail"}}': during("0", "1"),
            f'cairn_job_ok{{{FRONT},job="purge"}}': during("0", "1"),
        },
        {},
        4,
    ),
    "CairnJobNotDone": (
        {f'cairn_job_ok{{{FRONT},job="purge"}}': during("0", "1")},
        {"job": "purge"},
        11,
    ),
    "CairnJobFailing": (
        {f'cairn_job_failing_seconds{{{FRONT},job="mail"}}': f"0+60x{FAULT} 0x60"},
        {"job": "mail"},
        16,
    ),
    "CairnJobOld": (
        {f'cairn_job_done_age_seconds{{{FRONT},job="mail"}}': f"0+60x{FAULT} 8x60"},
        {},
        6,
    ),
    "CairnSealsLate": ({f"cairn_seal_lag_seconds{{{FRONT}}}": during("90", "1")}, HERE, 3),
    "CairnSealsStopped": ({f"cairn_seals_stopped{{{FRONT}}}": during("1", "0")}, HERE, 1),
    "CairnLogFaults": ({f"cairn_log_faults{{{FRONT}}}": during("1", "0")}, HERE, 1),
    "CairnMessagesStuck": (
        {f'cairn_messages_stuck{{{FRONT},kind="mail"}}': during("1", "0")},
        {"kind": "mail"},
        3,
    ),
    "CairnMessageOverdue": (
        {f'cairn_message_overdue_seconds{{{FRONT},kind="mail"}}': during("130", "0")},
        {"kind": "mail"},
        2,
    ),
    "CairnMessageOld": (
        {f'cairn_message_oldest_waiting_seconds{{{FRONT},kind="mail"}}': during("1900", "20")},
        {"kind": "mail"},
        1,
    ),
    "CairnMessagesDead": (
        {f'cairn_messages{{{FRONT},kind="mail",state="dead",outcome="refused"}}': "2 2 3x98"},
        {"kind": "mail"},
        4,
    ),
    "CairnWebhookOld": (
        {f"cairn_webhook_oldest_undelivered_seconds{{{FRONT}}}": during("3700", "30")},
        HERE,
        1,
    ),
    "CairnWebhooksFailing": (
        {f"cairn_webhooks_failing{{{FRONT}}}": during("3", "0")},
        HERE,
        16,
    ),
    "CairnWebhooksStopped": ({f"cairn_webhooks_stopped{{{FRONT}}}": "3 3 4x98"}, HERE, 4),
    "CairnDiskFull": (
        {f'cairn_disk_free_bytes{{{FRONT},place="keys"}}': during("9", "60")},
        {"place": "keys"} | HERE,
        6,
    ),
    "CairnClockApart": (
        {f"cairn_clock_apart_seconds{{{FRONT}}}": during("-7", "0.2")},
        HERE,
        6,
    ),
    "CairnClockShifted": ({f"cairn_clock_shifted{{{FRONT}}}": during("1", "0")}, HERE, 1),
    "CairnFiguresMissing": (
        {f"cairn_figures_missing{{{FRONT}}}": during("1", "0")},
        HERE,
        11,
    ),
    "CairnStandbyAway": (
        {f'cairn_directory_reads_total{{{FRONT},source="primary_away"}}': (f"0+9x{FAULT} 360x60")},
        {},
        13,
    ),
    "CairnNotRecovered": (
        {f'cairn_check_ok{{{FRONT},check="timeline"}}': during("0", "1")},
        {},
        1,
    ),
    "CairnTooManyRequests": (
        {
            f'cairn_refusals_total{{{FRONT},code="too_many_requests",status="429"}}': (
                f"0+30x{FAULT} 1200x60"
            )
        },
        {},
        9,
    ),
    "CairnLogLinesDropped": (
        {f"cairn_log_lines_dropped_total{{{FRONT}}}": f"0 1x{FAULT} 1x60"},
        HERE,
        2,
    ),
    "CairnJournalLate": ({f"cairn_journal_lag_seconds{{{FRONT}}}": during("90", "0")}, HERE, 3),
    "CairnBackupOld": (
        {f"cairn_backup_age_seconds{{{FRONT}}}": during("100000", "600")},
        HERE,
        11,
    ),
    "CairnBackupWalOld": (
        {f"cairn_backup_wal_age_seconds{{{FRONT}}}": during("4000", "40")},
        HERE,
        11,
    ),
    "CairnBackupUncovered": ({f"cairn_backup_uncovered{{{FRONT}}}": during("1", "0")}, HERE, 1),
    "CairnBackupDrillOld": (
        {f"cairn_backup_drill_age_seconds{{{FRONT}}}": during("9000000", "600")},
        HERE,
        11,
    ),
    "CairnBackupDrillFailed": (
        {f"cairn_backup_drill_faults{{{FRONT}}}": during("1", "0")},
        HERE,
        1,
    ),
    "CairnCertificateEnds": ({f"cairn_certificate_days{{{FRONT}}}": "10x70 60x30"}, HERE, 61),
}


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_each_rule_has_its_fault() -> None:
    assert set(FAULTS) == set(rules())


def promtool_agrees(tmp_path: Path, cases: list[dict[str, Any]]) -> None:
    """`promtool test rules` on these cases."""
    promtool = shutil.which("promtool")
    if not promtool:
        if os.environ.get("CI"):
            pytest.fail("CI has promtool: .ci/run installs Debian's prometheus.")
        pytest.skip("There is no promtool on this machine (Debian: prometheus).")
    file = tmp_path / "cases.yaml"
    about = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": cases}
    file.write_text(yaml.safe_dump(about, width=1000))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def case(changed: dict[str, str], asked: list[tuple[str, int, list[Any]]]) -> dict[str, Any]:
    unknown = changed.keys() - WELL.keys()
    assert not unknown, f"no server says {unknown}"
    said = WELL | changed
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in said.items()],
        "alert_rule_test": [
            {"alertname": name, "eval_time": f"{minute}m", "exp_alerts": alerts}
            for name, minute, alerts in asked
        ],
    }


def fires(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """The alert as Prometheus sends it, with its words."""
    rule = rules()[name]
    summary = rule["annotations"]["summary"]
    for label, value in labels.items():
        summary = summary.replace(f"{{{{ $labels.{label} }}}}", value)
    return {
        "exp_labels": rule["labels"] | labels,
        "exp_annotations": {"summary": summary, "action": rule["annotations"]["action"]},
    }


def test_a_server_that_is_well_fires_nothing(tmp_path: Path) -> None:
    minutes = (1, 5, 30, OVER - 1)
    promtool_agrees(
        tmp_path, [case({}, [(name, minute, []) for name in FAULTS for minute in minutes])]
    )


def test_a_server_that_says_nothing_at_all_is_not_ready(tmp_path: Path) -> None:
    silent = case({}, [])
    silent["input_series"] = []
    silent["alert_rule_test"] = [
        {
            "alertname": "CairnNotReady",
            "eval_time": "3m",
            "exp_alerts": [fires("CairnNotReady", {})],
        }
    ]
    promtool_agrees(tmp_path, [silent])


def test_each_fault_fires_its_rule_and_no_other_and_ends_with_it(tmp_path: Path) -> None:
    cases = []
    for name, (changed, labels, minute) in FAULTS.items():
        others = [(one, minute, []) for one in FAULTS if one != name]
        asked = [(name, minute, [fires(name, labels)]), (name, OVER - 1, []), *others]
        cases.append(case(changed, asked))
    promtool_agrees(tmp_path, cases)
