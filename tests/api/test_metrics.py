"""/metrics: names by Prometheus' conventions, values as they are, and a bounded number of series."""

import re
from typing import get_args

from prometheus_client.parser import text_string_to_metric_families

from calllog.call_events import Declined, Ended, Joined, QueueLeft, QueueRefused
from calllog.event import Event
from calllog.stream import Entry
from calllog.vocabulary import AgentState, LeftReason
from ivr.api.board import Card
from ivr.api.models import Agent, Call, Queue, Staff, Today
from ivr.api.tally import OTHER, Tally
from tests.api.desk import ApiDesk

PER_QUEUE = 2 + len(Staff.model_fields) + 1 + 4 * 12 + 5
OTHERS = 300
CALL = dict.fromkeys(("to", "campaign", "flow", "step", "agent", "worker", "queue"), "") | {
    "state": "waiting",
    "arrived_at": 1,
    "joined_at": 1,
    "talking_at": None,
}


def entry(event: Event) -> Entry:
    return Entry("1-0", b"", event)  # type: ignore[arg-type]


def common(number: int) -> dict[str, object]:
    return {"id": f"x:{number}", "site": "s", "at": 1, "logged_at": 1, "source": "observed"}


async def test_values_are_what_is_live(desk: ApiDesk) -> None:
    await desk.opened()
    for number in range(4):
        await desk.wait_in("sales", f"pbx-1.{number}")
    await desk.watch.turn()
    text = await desk.get("/metrics")
    for line in (
        'holdfast_queue_waiting_callers{queue="sales"} 4.0',
        'holdfast_queue_agents{queue="sales",state="ringing"} 2.0',
        'holdfast_queue_offered_total{queue="sales"} 4.0',
        'holdfast_agents{state="offered"} 2.0',
        'holdfast_calls{state="waiting"} 2.0',
        'holdfast_worker_up{worker="hf-1"} 1.0',
        'holdfast_worker_asterisk_connected{worker="hf-1"} 1.0',
    ):
        assert line in text.splitlines(), line
    assert "process_resident_memory_bytes" in text
    assert (await desk.ask("GET", "/metrics")).status == 401


async def test_names_are_as_prometheus_has_them(desk: ApiDesk) -> None:
    await desk.opened()
    families = list(text_string_to_metric_families(await desk.get("/metrics")))
    assert len(families) > 15
    for family in families:
        assert re.fullmatch(r"(holdfast|process)_[a-z0-9_]+", family.name), family.name
        assert family.documentation
        assert not family.name.endswith("_ms")
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples)


async def test_ten_thousand_callers_make_no_series(desk: ApiDesk) -> None:
    await desk.opened()
    queues = [f"queue{number}" for number in range(20)]
    desk.tally.queues = frozenset(queues)
    rest = {"service_level_s": 20.0, "staff": Staff(), "today": Today(), "curve": []}

    def queue_of(name: str) -> Queue:
        return Queue.model_validate(
            {"queue": name, "title": name, "waiting": 5, "oldest_joined_at": 1, **rest}
        )

    for name in queues:
        desk.board.queues.put(name, queue_of(name))
    one = {"name": "", "reason": "", "since_at": 1, "device": "", "queues": [], "call": "", "wish": ""}
    for number in range(5_000):
        agent = Agent.model_validate(
            {"agent": f"agent{number}", "state": "ready", "calls": 0, "talk_ms": 0, **one}
        )
        desk.board.agents.put(agent.agent, agent)
        desk.board.queues.put(f"_agent{number}", queue_of(f"_agent{number}"))
    reasons = [reason for each in get_args(LeftReason) for reason in (get_args(each) or (each,))]
    assert len(reasons) > 10
    for number in range(10_000):
        call = Call.model_construct(**CALL, call=f"pbx-{number}.1", from_=f"+49{number}")  # type: ignore[arg-type]
        desk.board.calls.cards[call.call] = Card(call, b"", b"")
        queue = queues[number % 20] if number % 3 else f"_agent{number}"
        of_call = {"call": call.call, "seq": 1, **common(number)}
        reason = reasons[number % len(reasons)]
        places = {"waited_ms": number, "position": 1, "original_position": 1}
        desk.tally.count_all(
            map(
                entry,
                (
                    Joined(queue=queue, position=1, score=1.0, **of_call),  # type: ignore[arg-type]
                    QueueLeft(queue=queue, reason=reason, **places, **of_call),  # type: ignore[arg-type]
                    QueueRefused(queue=queue, reason="full", **of_call),  # type: ignore[arg-type]
                    Declined(agent=f"agent{number}", reason="busy", **of_call),  # type: ignore[arg-type]
                ),
            )
        )
    desk.board.turn(desk.board.at + 1, [])
    text = await desk.get("/metrics")
    series = [line for line in text.splitlines() if not line.startswith("#")]
    published = 20 + 2  # and sales and support
    assert len(series) <= (published + 1) * PER_QUEUE + OTHERS
    assert f'holdfast_queue_offered_total{{queue="{OTHER}"}}' in text
    assert not re.search(r"agent\d|pbx-|\+49", text)


def test_every_state_is_a_label_also_when_nobody_is_in_it() -> None:
    tally = Tally()
    of_call = {"call": "c", "seq": 1, **common(1)}
    ended = {"reason": "", "ended_by": "caller", "cause": 16, "lifetime_ms": 0, "flow_ms": 0}
    waits = {"wait_ms": 0, "held_ms": 0, "talk_ms": 0}
    tally.count_all([entry(Ended(verdict="abandoned", **ended, **waits, **of_call))])  # type: ignore[arg-type]
    assert tally.ended == {"abandoned": 1}
    assert set(Staff.model_fields) <= {*get_args(AgentState), "ringing"}
