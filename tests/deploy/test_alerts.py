"""deploy/alerts.yml: each alarm asks for numbers that there are, is raised when it should be, and not before."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pottle.http import measures
from tests.conftest import needs
from tests.server import ROOT

ALERTS = ROOT / "deploy" / "alerts.yml"
MINUTES = 90
WELL = {
    'up{job="pottle"}': "1",
    "pottle_ready": "1",
    'pottle_log_lines_total{level="warning"}': "0+1",
    'pottle_log_lines_total{level="error"}': "7",
    'pottle_log_lines_total{level="critical"}': "0",
    "pottle_worker_starts_total": "3 3 6",  # a reload
    'pottle_writes_total{outcome="committed"}': "0+100",
    'pottle_writes_total{outcome="refused"}': "0+10",
    'pottle_writes_total{outcome="failed"}': "2",
    'pottle_writes_total{outcome="turned_away"}': "0",
    "pottle_waiting_writes": "20",
    'pottle_commit_seconds_bucket{le="0.01"}': "0+90",
    'pottle_commit_seconds_bucket{le="1"}': "0+100",
    'pottle_commit_seconds_bucket{le="10"}': "0+100",
    'pottle_commit_seconds_bucket{le="+Inf"}': "0+100",
    "pottle_log_lag": "3",
    "pottle_log_lag_seconds": "1",
    'pottle_connection_wait_seconds_total{pool="sessions"}': "0+30",
    "pottle_disk_free_bytes": "5e9",
    "pottle_database_bytes": "1e9",
    "pottle_wal_bytes": "4e6",
    "pottle_last_backup_timestamp_seconds": "-80000",  # in a test of Prometheus it is 1970
    "pottle_open_descriptors": "300",
    "pottle_descriptor_limit": "1024",
}
# For each alarm, what has to be different.
ILL: dict[str, list[dict[str, str]]] = {
    "PottleIsDown": [{'up{job="pottle"}': "0"}],
    "PottleIsNotReady": [{"pottle_ready": "0"}],
    "PottleLogsErrors": [
        {'pottle_log_lines_total{level="error"}': "7+1"},
        {'pottle_log_lines_total{level="critical"}': "0+1"},
    ],
    "PottleWorkersEnd": [{"pottle_worker_starts_total": "3+1"}],
    "PottleWritesFail": [
        {'pottle_writes_total{outcome="failed"}': "2+1"},
        {'pottle_writes_total{outcome="turned_away"}': "0+1"},
    ],
    "PottleWritesWait": [{"pottle_waiting_writes": "400"}],
    "PottleCommitsAreSlow": [{'pottle_commit_seconds_bucket{le="1"}': "0+95"}],
    "PottleLagsBehind": [{"pottle_log_lag": "5000"}, {"pottle_log_lag_seconds": "60"}],
    "PottleWaitsForConnections": [{'pottle_connection_wait_seconds_total{pool="sessions"}': "0+120"}],
    "PottleDiskFillsUp": [
        {"pottle_disk_free_bytes": "1.5e9"},
        {"pottle_disk_free_bytes": "400e6", "pottle_database_bytes": "1e6"},
    ],
    "PottleWriteAheadLogGrows": [{"pottle_wal_bytes": "9e8"}],
    "PottleHasNoBackup": [{"pottle_last_backup_timestamp_seconds": "-130000"}],
    "PottleRunsOutOfDescriptors": [{"pottle_open_descriptors": "900"}],
}


def rules() -> dict[str, dict[str, Any]]:
    """The alarms by their names."""
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


@pytest.mark.check
def test_every_number_that_is_asked_for_is_there() -> None:
    there = {sample.name for family in measures.registry.collect() for sample in family.samples}
    there |= {f"{family.name}_bucket" for family in measures.registry.collect() if family.type == "histogram"}
    there |= {f"{family.name}_total" for family in measures.registry.collect() if family.type == "counter"}
    for name, rule in rules().items():
        asked = re.findall(r"\b(pottle_\w+)", rule["expr"])
        assert set(asked) <= there, name
        assert asked or "up" in rule["expr"], name


@pytest.mark.check
def test_every_alarm_is_tried_and_says_what_to_do() -> None:
    assert set(rules()) == set(ILL)
    for rule in rules().values():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def case(changed: dict[str, str], raised: set[str]) -> dict[str, Any]:
    """A test of Prometheus: with these numbers those alarms are raised, and no others."""
    assert set(changed) <= set(WELL)
    series = [{"series": name, "values": lasting(value)} for name, value in {**WELL, **changed}.items()]
    expected = [
        {"alertname": name, "eval_time": f"{MINUTES}m", "exp_alerts": [alert(name, changed)] if name in raised else []}
        for name in rules()
    ]
    return {"interval": "1m", "input_series": series, "alert_rule_test": expected}


def lasting(value: str) -> str:
    """Prometheus' way to write a number for all that time; `7+1` grows by one each minute."""
    *first, last = value.split()
    return " ".join([*first, f"{last}x{MINUTES}" if "+" in last[1:] and "e+" not in last else f"{last}+0x{MINUTES}"])


def alert(name: str, changed: dict[str, str]) -> dict[str, Any]:
    rule = rules()[name]
    kept = {
        "up",
        "pottle_log_lines_total",
        "pottle_writes_total",
        "pottle_connection_wait_seconds_total",
    }  # whose labels an alarm has too
    labels = [re.fullmatch(r'(\w+){(\w+)="(\w+)"}', series) for series in changed]
    own = {found[2]: found[3] for found in labels if found and found[1] in kept}
    return {"exp_labels": {**rule["labels"], **own}, "exp_annotations": rule["annotations"]}


@pytest.mark.slow
def test_each_is_raised_when_it_should_be_and_not_before(tmp_path: Path) -> None:
    needs("promtool")
    cases = [case({}, set()), *(case(changed, {name}) for name, kinds in ILL.items() for changed in kinds)]
    file = tmp_path / "cases.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}))
    ran = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
