"""What queues.yaml says of figures, and what is asked for instead."""

from pathlib import Path

import pytest

from calllog.figures.thresholds import Sla, Thresholds
from ivr.thresholds import thresholds_of

QUEUES = """\
queues:
  sales: {service_level_s: 30, short_abandon_s: 3}
  support:
    sla: {share: 0.8, within_s: 15, definition: service_level_connect}
"""


@pytest.fixture
def callflows(tmp_path: Path) -> Path:
    (tmp_path / "queues.yaml").write_text(QUEUES)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "main.yaml").write_text("steps:\n  end:\n    hangup:\n")
    return tmp_path


def test_each_queue_has_its_own(callflows: Path) -> None:
    found = thresholds_of(callflows)
    assert (found.service_level_ms("sales"), found.short_abandon_ms("sales")) == (30_000, 3000)
    assert (found.service_level_ms("support"), found.short_abandon_ms("support")) == (20_000, 5000)
    assert found.sla("support") == Sla(0.8, 15, "service_level_connect")
    assert found.sla("sales") is None


def test_what_is_asked_for_counts_everywhere(callflows: Path) -> None:
    found = thresholds_of(callflows, 45, 0)
    for queue in ("sales", "support", "one that is gone"):
        assert (found.service_level_ms(queue), found.short_abandon_ms(queue)) == (45_000, 0)
    assert found.sla("support") == Sla(0.8, 15, "service_level_connect"), "what is owed is owed"


def test_no_callflows_no_thresholds_of_their_own(tmp_path: Path) -> None:
    assert thresholds_of(tmp_path / "nowhere") == Thresholds()


def test_what_is_wrong_with_a_queue_is_no_matter_unless_it_is_a_threshold(callflows: Path) -> None:
    (callflows / "queues.yaml").write_text(
        "queues:\n  sales: {service_level_s: 30, music: No Class}\n  support: {service_level_s: soon}\n"
    )
    found = thresholds_of(callflows)
    assert found.service_level_ms("sales") == 30_000
    assert found.service_level_ms("support") == Thresholds().service_level_ms()
