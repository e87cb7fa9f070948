"""A day of calls, generated straight into the tables of an archive, as fast as SQLite can take it.

Nothing is random: each draw is a multiple of an irrational number, modulo 1, so that a day of so many calls
is the same wherever it is made. Callers come by a day curve, choose one of 40 queues (some of them much more
often) in a menu, hang up there, wait exponentially longer at noon, are answered, give up, are sent on; each
answered call occupies an agent, whose states tile his day, and some are asked how it was. Every table has
rows, as many as a flow of five steps gives. Orders of rows and widths of columns are those of a real archive.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, Index, create_engine, text
from sqlalchemy.schema import CreateTable

from calllog.archive.instants import touch_all
from calllog.archive.schema import metadata

DAY = "2026-11-03"
DAY_AT = 1_793_664_000_000
"""Its begin in UTC: a Tuesday in winter that is over."""
HOUR_MS = 3_600_000
WEIGHTS = (2, 1, 1, 1, 1, 2, 6, 20, 55, 80, 90, 88, 70, 72, 84, 82, 75, 60, 40, 24, 14, 9, 6, 3)
"""Calls of each hour, in proportion."""
QUEUES = 40
CALLS_PER_AGENT = 90
MOST_AGENTS = 5_000
CALLS_PER_CALLER = 1.4


def draw(column: str, number: float) -> str:
    """A number in [0, 1) as SQL, evenly spread over the rows."""
    return f"({column} * {number} - CAST({column} * {number} AS INTEGER))"


_U, _V, _W, _X = (draw("i", n) for n in (0.6180339887, 0.4142135623, 0.7320508075, 0.2360679774))

_DRAWN = f"""
CREATE TEMP TABLE drawn AS
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end)
SELECT i + 0 AS i, CAST(:at + (i - :first) * {HOUR_MS}.0 / (:end - :first) AS INTEGER) AS at,
       printf('main-%d.%d', :at / 1000, i) AS call,
       printf('queue-%02d', CAST({QUEUES} * {_U} * {_U} AS INTEGER)) AS queue,
       printf('agent-%04d', i % :agents) AS agent,
       printf('campaign-%d', i % 7) AS campaign,
       CAST(-(4000 + 30000.0 * :weight / 90) * ln(1 - {_V}) AS INTEGER) AS wait,
       CAST(2000 - 240000 * ln(1 - {_X}) AS INTEGER) AS patience,
       CAST(30000 - 120000 * ln(1 - {_W}) AS INTEGER) AS talk,
       CASE WHEN i % 40 = 11 THEN 'E' WHEN i % 50 < 2 THEN 'F' WHEN i % 500 = 7 THEN 'X' ELSE 'A' END AS class
FROM n
"""  # noqa: S608  (numbers of ours alone)
_SETTLE = """
UPDATE drawn SET class = 'B', wait = patience WHERE patience < wait AND class = 'A'
"""
_CALLS = """
INSERT INTO calls (call, arrived_at, answered_at, ended_at, caller, number, campaign, language, asterisk,
  journey, flow, version, verdict, reason, ended_by, queue, agent, cause,
  lifetime_ms, flow_ms, wait_ms, talk_ms, served)
SELECT call, at, at + 200,
  at + CASE class WHEN 'E' THEN 2900 WHEN 'A' THEN 3200 + wait + talk ELSE 3200 + wait END,
  printf('49301%07d', i * 7919 % :callers), '100', campaign, 'en', 'pbx1', call, 'main', '12',
  CASE class WHEN 'A' THEN 'completed' WHEN 'B' THEN 'abandoned' WHEN 'F' THEN 'overflowed'
    WHEN 'E' THEN 'ivr_exit' ELSE 'failed' END,
  'caller-hung-up', 'caller', CASE class WHEN 'A' THEN queue ELSE '' END,
  CASE class WHEN 'A' THEN agent ELSE '' END, 16,
  CASE class WHEN 'E' THEN 2900 WHEN 'A' THEN 3200 + wait + talk ELSE 3200 + wait END,
  CASE class WHEN 'E' THEN 2900 ELSE 3200 END, CASE class WHEN 'E' THEN 0 ELSE wait END,
  CASE class WHEN 'A' THEN talk ELSE 0 END, 0
FROM drawn
"""
_WAITS = """
INSERT INTO waits (call, n, queue, joined_at, left_at, bridged_at, reason, class, waited_ms, agent,
  position_first, position_last, last_heard, told_position, rung, ringing, campaign, flow, version)
SELECT call, 5, queue, at + 3200, at + 3200 + wait, CASE class WHEN 'A' THEN at + 3200 + wait END,
  CASE class WHEN 'A' THEN 'answered' WHEN 'F' THEN 'timeout' WHEN 'X' THEN 'system_error'
    ELSE CASE WHEN i % 9 THEN 'caller_hangup' ELSE 'caller_hangup_ringing' END END,
  class, wait, CASE class WHEN 'A' THEN agent ELSE '' END, 1 + i % 9, 1, 'main/hello', 0, i % 3 = 0,
  '', campaign, 'main', '12'
FROM drawn WHERE class <> 'E'
"""
_OFFERS = """
INSERT INTO offers (call, n, queue, agent, attempt, why, offered_at, closed_at, result, ring_ms)
SELECT call, 8, queue, agent, 1, 'longest_idle', at + 3200 + wait - 4000, at + 3200 + wait, 'bridged', 4000
FROM drawn WHERE class = 'A'
"""
_TALKS = """
INSERT INTO talks (call, n, queue, agent, bridged_at, unbridged_at, talk_ms, held_ms, ended_by, transferred,
  last, only, campaign, flow, version)
SELECT call, 11, queue, agent, at + 3200 + wait, at + 3200 + wait + talk, talk - talk / 10, talk / 10,
  'caller', CASE WHEN i % 31 THEN '' ELSE 'blind' END, 1, 1, campaign, 'main', '12'
FROM drawn WHERE class = 'A'
"""
_REFUSED = """
INSERT INTO refusals (call, n, at, queue, reason, campaign)
SELECT call, 4, at + 3000, queue, 'full', campaign FROM drawn WHERE i % 100 = 3 AND class <> 'E'
"""
_OVERTAKEN = """
INSERT INTO overtakings (call, n, at, queue, by_call, reason, head_start_s)
SELECT d.call, 6, d.at + 3200 + d.wait / 2, d.queue, o.call, 'priority', 60
FROM drawn d JOIN drawn o ON o.i = d.i + 40 WHERE d.i % 33 = 5 AND d.class <> 'E' AND o.class <> 'E'
"""
_ESCALATED = """
INSERT INTO escalations (call, n, at, path, queue, from_queue, reason)
SELECT call, 7, at + 3300 + wait, 'main/up', 'queue-39', queue, 'wish' FROM drawn
WHERE class = 'F' AND i % 5 = 0
"""
_STATES = """
INSERT INTO agent_states (agent, n, state, queue, call, from_at, to_at)
SELECT agent, (i / :agents) * 5 + step, state, queue, call,
  :at + (i - :first) / :agents * turn + CAST(turn * begins AS INTEGER),
  :at + (i - :first) / :agents * turn + CAST(turn * ends AS INTEGER)
FROM (SELECT *, CAST(3600000.0 / ((:end - :first - 1) / :agents + 1) AS INTEGER) AS turn FROM drawn)
JOIN (SELECT 1 AS step, 'ready' AS state, 0.0 AS begins, 0.2 AS ends
      UNION ALL SELECT 2, 'offered', 0.2, 0.23 UNION ALL SELECT 3, 'connecting', 0.23, 0.235
      UNION ALL SELECT 4, 'talking', 0.235, 0.9 UNION ALL SELECT 5, 'wrapup', 0.9, 1.0)
WHERE class = 'A'
"""
_STEPS = """
INSERT INTO steps (call, n, at, flow, version, path, outcome, took_ms, next, dropped, entry)
SELECT call, n, at + began + took, 'main', '12', path, outcome, took, next, outcome = 'left', 'main' FROM (
  SELECT i, call, at, 2 AS n, 200 AS began, 1000 AS took, 'main/hello' AS path, 'played' AS outcome,
    'main/choose' AS next FROM drawn
  UNION ALL SELECT i, call, at, 3, 1200, CASE class WHEN 'E' THEN 1700 ELSE 1500 END, 'main/choose',
    CASE class WHEN 'E' THEN 'left' ELSE printf('%d', 1 + i % 4) END,
    CASE class WHEN 'E' THEN '' ELSE printf('main/topic-%d', 1 + i % 4) END FROM drawn
  UNION ALL SELECT i, call, at, 4, 2700, 450, printf('main/topic-%d', 1 + i % 4), 'set',
    printf('main/wait-%d', 1 + i % 4) FROM drawn WHERE class <> 'E'
  UNION ALL SELECT i, call, at, 7, 3200, wait + CASE class WHEN 'A' THEN talk ELSE 0 END,
    printf('main/wait-%d', 1 + i % 4),
    CASE class WHEN 'A' THEN 'answered' WHEN 'B' THEN 'hangup' WHEN 'F' THEN 'timeout' ELSE 'failed' END,
    CASE WHEN class = 'A' AND i % 3 = 0 THEN 'main/how-was-it' ELSE '' END FROM drawn WHERE class <> 'E'
  UNION ALL SELECT i, call, at, 14, 3200 + wait + talk, 2500, 'main/how-was-it',
    CASE WHEN i % 5 < 3 THEN 'answered' ELSE 'hangup' END, '' FROM drawn WHERE class = 'A' AND i % 3 = 0
) ORDER BY i, n
"""
_HOLDS = """
INSERT INTO holds (call, n, by, queue, agent, started_at, ended_at, held_ms)
SELECT call, 6, 'queue', queue, '', at + 3200, at + 3200 + wait, wait FROM drawn WHERE class <> 'E'
UNION ALL SELECT call, 12, 'agent', '', agent, at + 4200 + wait, at + 4200 + wait + talk / 10, talk / 10
FROM drawn WHERE class = 'A' AND i % 4 = 0
"""
_TRANSFERS = """
INSERT INTO transfers (call, n, at, how, by, agent, "to", to_queue)
SELECT call, 13, at + 3200 + wait + talk, 'blind', 'agent', agent, '100', 'queue-00' FROM drawn
WHERE class = 'A' AND i % 31 = 0
"""
_SURVEYS = """
INSERT INTO surveys (call, survey, path, offered_at, answered_at, score, lowest, highest, queue, agent)
SELECT call, 'how-was-it', 'main/how-was-it', at + 3200 + wait + talk,
  CASE WHEN i % 5 < 3 THEN at + 5700 + wait + talk END, CASE WHEN i % 5 < 3 THEN 1 + i % 7 % 5 END, 1, 5,
  queue, agent
FROM drawn WHERE class = 'A' AND i % 3 = 0
"""
_SALES = """
INSERT INTO sales (call, n, path, offer, made_at, accepted_at, took_ms, queue)
SELECT call, 9, 'main/offer', printf('offer-%d', i % 5), at + 3200 + wait / 2,
  CASE WHEN i % 90 < 10 THEN at + 3700 + wait / 2 END, 500 + i % 4000, queue
FROM drawn WHERE class <> 'E' AND i % 10 = 0
"""
_DISPOSITIONS = """
INSERT INTO dispositions (id, at, agent, call, queue, code)
SELECT printf('agent:%s:%d', agent, i), at + 5200 + wait + talk, agent, call, queue,
  CASE i % 4 WHEN 0 THEN 'open' ELSE 'resolved' END
FROM drawn WHERE class = 'A' AND i % 2 = 0
"""
_SYSTEM = """
INSERT INTO system (id, at, kind, worker, asterisk)
SELECT printf('lost-%d', :at), :at + 600000, 'asterisk_lost', 'w1', 'pbx1'
UNION ALL SELECT printf('back-%d', :at), :at + 630000, 'asterisk_connected', 'w1', 'pbx1'
"""

_FILL = (
    _DRAWN, _SETTLE, _CALLS, _WAITS, _OFFERS, _TALKS, _STATES, _REFUSED, _OVERTAKEN, _ESCALATED, _STEPS,
    _HOLDS, _TRANSFERS, _SURVEYS, _SALES, _DISPOSITIONS, _SYSTEM,
)  # fmt: skip


def generate(path: Path, calls: int) -> int:
    """Fill a new archive with a day of about so many calls; how many they are. Indexes come afterwards."""
    engine, made = create_engine(f"sqlite:///{path}"), 0
    for step in steps(engine, calls):
        made = max(made, step())
    return made


def steps(engine: Engine, calls: int) -> Iterator[Callable[[], int]]:
    """What `generate` does, piece by piece; each says how many calls there are then."""
    yield lambda: _tables(engine)
    made = 0
    for hour, weight in enumerate(WEIGHTS):
        first, made = made, made + calls * weight // sum(WEIGHTS)
        numbers = {
            "at": DAY_AT + hour * HOUR_MS,
            "weight": weight,
            "first": first,
            "end": made,
            "callers": int(calls / CALLS_PER_CALLER),
            "agents": max(10, min(MOST_AGENTS, calls // CALLS_PER_AGENT)),
        }
        yield partial(_hour, engine, numbers)
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: index.name or ""):
            yield partial(_index, engine, index)
    yield partial(_note, engine)


def _tables(engine: Engine) -> int:
    with _quickly(engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table))
        connection.commit()
    return 0


def _hour(engine: Engine, numbers: dict[str, int]) -> int:
    with _quickly(engine) as connection:
        for statement in (*_FILL, "DROP TABLE drawn"):
            named = {name: value for name, value in numbers.items() if f":{name}" in statement}
            connection.execute(text(statement), named)
        connection.commit()
    return numbers["end"]


def _note(engine: Engine) -> int:
    with _quickly(engine) as connection:
        touch_all(connection)
        connection.commit()
    return 0


def _index(engine: Engine, index: Index) -> int:
    with _quickly(engine) as connection:
        index.create(connection)
        connection.commit()
    return 0


@contextmanager
def _quickly(engine: Engine) -> Iterator[Connection]:
    """A connection that keeps nothing safe: if the machine stops now, the day is made anew."""
    with engine.connect() as connection:
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "temp_store = MEMORY",
            "cache_size = -1000000",
        ):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        yield connection


def size_mb(path: Path) -> int:
    """What the archive takes on the disk."""
    return path.stat().st_size // 1_000_000
