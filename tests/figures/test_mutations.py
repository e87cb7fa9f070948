"""The comparison can fail: with one thing wrong in figures or facts they are not the twin's on some day."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

import calllog.facts
from tests.figures.days import day, setting
from tests.figures.families import FAMILIES
from tests.figures.filled import columns_of, empty_archive, facts_of, fill
from tests.figures.naive import Log
from tests.figures.test_facts_twin import differences as other_facts
from tests.figures.test_twin import differences
from tests.figures.views import view

DAYS = 120
"""A wrong figure must be found in one of so many days."""

FIGURES = {
    "in time means less than X": (
        "queues",
        "queues",
        '"level": ms <= ',
        '"level": ms < ',
    ),
    "short means at most s": ("queues", "queues", '"_short": many(ms < ', '"_short": many(ms <= '),
    "short abandons stay among the offered": (
        "queues",
        "queues",
        "share(within.answered, offered - short)",
        "share(within.answered, offered)",
    ),
    "the queue's own X is forgotten": (
        "queues",
        "thresholds",
        "own = self._own(queue).service_level_s",
        "own = None",
    ),
    "a percentile lies between two waits": (
        "queues",
        "queues",
        "func.quantile_disc",
        "func.quantile_cont",
    ),
    "nothing offered is 0 %": ("queues", "figure", "if whole else None", "if whole else 0.0"),
    "the longest wait is an answered one": (
        "queues",
        "queues",
        'for name in ("answered", "abandoned"))',
        'for name in ("answered",))',
    ),
    "both hours of a change of the clock are one": (
        "calls",
        "period",
        "for begin, end in _steady(from_at, to_at, zone):\n        yield begin",
        "for begin, end in [Span(from_at, to_at)]:\n        yield begin",
    ),
    "every day has 24 hours": (
        "calls",
        "period",
        "return int(datetime.combine(day, time(), zone).timestamp()) * 1000",
        "return (int(datetime.combine(day, time(), zone).timestamp()) + 1800) // 86400 * 86_400_000",
    ),
    "a week begins on Sunday": ("calls", "period", "day.weekday() == 0", "day.weekday() == 6"),
    "hours are those of UTC": ("queues", "period", ".astimezone(zone)", ".astimezone(UTC)"),
    "the other one's first wait counts": (
        "queues",
        "overtaking",
        "func.max(passed.c.joined_at)",
        "func.min(passed.c.joined_at)",
    ),
    "who was served by the flow is lost, too": (
        "calls",
        "calls",
        'and_(calls.c.verdict == "ivr_exit", ~calls.c.served)',
        'calls.c.verdict == "ivr_exit"',
    ),
    "a call of two legs is two calls": (
        "agents",
        "agent_time",
        "case((of, values)).distinct()",
        "case((of, values))",
    ),
    "time in a state is not cut at the end": (
        "agents",
        "agent_time",
        "func.least(ends, place.c.to_at)",
        "ends",
    ),
    "pauses are time at work": (
        "agents",
        "agents",
        '"state_talking_ms"]',
        '"state_talking_ms"] + worked["state_paused_ms"]',
    ),
}
"""What is wrong → family, module, the right text, the wrong one."""

TABLES = {
    "queues": ("waits", "refusals", "overtakings", "escalations"),
    "agents": ("talks", "offers", "agent_states"),
    "calls": ("calls", "system"),
}
"""What is asked for the figures of a family."""

FACTS = {
    "a wait ends when the queue is left": (
        "facts_queue",
        '"agent": event.agent, "waited_ms": waited_ms}',
        '"agent": event.agent}',
    ),
    "the caller's own hold counts as being held": ("facts_queue", 'hold["by"] == "agent"', "True"),
    "the first answer counts": (
        "facts_flow",
        '_survey(story, event).update({"answered_at": event.at, **answer})',
        'row = _survey(story, event)\n    if row["answered_at"] is None:\n'
        '        row.update({"answered_at": event.at, **answer})',
    ),
    "asked twice it was asked later": ("facts_flow", 'if row["offered_at"] is None:', "if True:"),
    "a blind transfer is the next agent's": (
        "facts_queue",
        'story.talk_before["transferred"] = event.how',
        "pass",
    ),
    "a hang-up while rung is not an abandon": (
        "facts_queue",
        "kind = LEFT_CLASS[event.reason]",
        'kind = LEFT_CLASS[event.reason] if "ringing" not in event.reason else "F"',
    ),
}
"""What is wrong → module, the right text, the wrong one."""


@contextmanager
def fresh(package: str, name: str, right: str, wrong: str) -> Iterator[None]:
    """Modules that begin with `package`, loaded anew, one with other text; afterwards all as before."""
    before = {known: module for known, module in sys.modules.items() if known.startswith(package)}
    parents = {known: sys.modules[known.rpartition(".")[0]] for known in before}
    source = Path(str(sys.modules[name].__file__)).read_text()
    assert right in source, "the mutation changes nothing"
    for known in before:
        del sys.modules[known]
    try:
        _load(name, source.replace(right, wrong), Path(str(before[name].__file__)))
        yield
    finally:
        for known in [known for known in sys.modules if known.startswith(package)]:
            del sys.modules[known]
        sys.modules.update(before)
        for known, module in before.items():
            setattr(parents[known], known.rpartition(".")[2], module)


def _load(name: str, source: str, path: Path) -> None:
    """A module of that text. What imports it afterwards gets this one."""
    importlib.import_module(name.rpartition(".")[0])
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102  # our own text, with an error in it


def figures_differ(family: str, days: int = DAYS) -> bool:
    """Whether the figures, as they are loaded now, are other ones than the twin's on some day."""
    part = importlib.import_module("calllog.figures.period")
    limits = importlib.import_module("calllog.figures.thresholds")
    module = importlib.import_module(f"calllog.figures.{family}")
    function = getattr(module, f"{family.removesuffix('s')}_figures")
    archive, groupings = empty_archive(), FAMILIES[family][0]
    for seed in range(days):
        lines, seen = day(seed), view(seed, setting(seed))
        fill(archive, facts_of(lines))
        columns = columns_of(archive, *TABLES[family])
        by = groupings[seed % len(groupings)]
        more = {"now": seen.now} if family == "agents" else {}
        thresholds = seen.thresholds_of(limits)
        rows = function(columns, part.Period(*seen.period), seen.interval, by, thresholds, **more)
        columns.dispose()
        found = {(row.from_at, row.to_at, row.key): row.values for row in rows}
        if len(found) < len(rows) or any(differences(found, FAMILIES[family][2](Log(lines), seen, by))):
            return True
    return False


@pytest.mark.parametrize("what", FIGURES)
def test_a_wrong_figure_is_found(what: str) -> None:
    family, module, right, wrong = FIGURES[what]
    with fresh("calllog.figures", f"calllog.figures.{module}", right, wrong):
        assert figures_differ(family)


@pytest.mark.parametrize("what", FACTS)
def test_a_wrong_fact_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, right, wrong = FACTS[what]
    with fresh("calllog.facts", f"calllog.{module}", right, wrong):
        loaded = importlib.import_module("calllog.facts")
        monkeypatch.setattr("tests.figures.filled.call_facts", loaded.call_facts)
        assert any(other_facts(seed) for seed in range(DAYS))


@pytest.mark.parametrize("family", ["queues", "agents", "calls"])
def test_nothing_is_found_if_nothing_is_wrong(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = calllog.facts.call_facts
    with fresh("calllog.figures", "calllog.figures.read", "def many", "def many"):
        assert not figures_differ(family, 8)
    with fresh("calllog.facts", "calllog.facts_queue", "def _joined", "def _joined"):
        loaded = importlib.import_module("calllog.facts")
        assert loaded.call_facts is not before
        monkeypatch.setattr("tests.figures.filled.call_facts", loaded.call_facts)
        assert not any(other_facts(seed) for seed in range(8))


def test_what_was_loaded_before_is_there_again() -> None:
    before = sys.modules["calllog.figures.queues"]
    with fresh("calllog.figures", "calllog.figures.read", "def many", "def many"):
        assert importlib.import_module("calllog.figures.queues") is not before
    assert sys.modules["calllog.figures.queues"] is before
    assert calllog.facts is sys.modules["calllog.facts"]
