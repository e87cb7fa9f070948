"""`/metrics` for Prometheus: the board and the tally as samples, put together when they are asked for.

Labels are names of published queues, states, reasons, verdicts and workers: closed or bounded by settings.
Never a call, a caller or an agent. Counters begin at 0 when the API is started.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from calllog.vocabulary import AgentState
from ivr.api.board import Board
from ivr.api.models import CallState, Staff
from ivr.api.tally import WAITS_S, Tally
from ivr.api.watch import Watch
from queues.models import is_direct_line


class Traffic:
    """What was asked of the API itself."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """Name of the operation and status → requests."""
        self.clients = 0
        """Who watches by /v1/live now."""
        self.resyncs = 0
        """How often somebody was too slow, and got everything anew."""
        self.dropped = 0
        """How often somebody did not take anything any more."""


class Figures(Collector):
    """What is on the board, as samples."""

    def __init__(self, board: Board, tally: Tally, watch: Watch, traffic: Traffic) -> None:
        self._board, self._tally, self._watch, self._traffic = board, tally, watch, traffic

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        yield from self._people()
        yield from self._counts()
        yield from self._server()

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("holdfast_queue_waiting_callers", "Callers in line", labels=["queue"])
        longest = GaugeMetricFamily(
            "holdfast_queue_longest_wait_seconds", "How long who waits longest has waited", labels=["queue"]
        )
        agents = GaugeMetricFamily(
            "holdfast_queue_agents", "Agents of a queue by state", labels=["queue", "state"]
        )
        for name, card in sorted(self._board.queues.cards.items()):
            if is_direct_line(name):
                continue
            queue = card.thing
            waiting.add_metric([name], queue.waiting)
            since = queue.oldest_joined_at
            longest.add_metric([name], max(0, self._board.at - since) / 1000 if since else 0)
            for state in Staff.model_fields:
                agents.add_metric([name, state], getattr(queue.staff, state))
        yield from (waiting, longest, agents)

    def _people(self) -> Iterator[Metric]:
        agents = GaugeMetricFamily("holdfast_agents", "Agents by state", labels=["state"])
        states = Counter(card.thing.state for card in self._board.agents.cards.values())
        for state in get_args(AgentState):
            agents.add_metric([state], states[state])
        yield agents
        calls = GaugeMetricFamily("holdfast_calls", "Live calls by state", labels=["state"])
        found = Counter(card.thing.state for card in self._board.calls.cards.values())
        for state in get_args(CallState)[:-1]:
            calls.add_metric([state], found[state])
        yield calls

    def _counts(self) -> Iterator[Metric]:
        offered = CounterMetricFamily(
            "holdfast_queue_offered", "Callers who have joined a queue", labels=["queue"]
        )
        for queue, count in sorted(self._tally.offered.items()):
            offered.add_metric([queue], count)
        yield offered
        waits = HistogramMetricFamily(
            "holdfast_queue_wait_seconds",
            "Waits that are over, by how they ended: answered, abandoned, flowed or failed",
            labels=["queue", "ended"],
        )
        for (queue, ended), found in sorted(self._tally.waits.items()):
            bounds = [*(f"{bound}" for bound in WAITS_S), "+Inf"]
            buckets = list(zip(bounds, map(float, accumulate(found.buckets)), strict=True))
            waits.add_metric([queue, ended], buckets, found.sum_s)
        yield waits
        refused = CounterMetricFamily(
            "holdfast_queue_refused", "Callers whom a queue's door kept out", labels=["queue", "reason"]
        )
        for labels, count in sorted(self._tally.refused.items()):
            refused.add_metric([*labels], count)
        yield refused
        for name, help_, label, counted in (
            ("holdfast_offers_declined", "Agents rung in vain", "reason", self._tally.declined),
            ("holdfast_calls_ended", "Calls that are over", "verdict", self._tally.ended),
        ):
            family = CounterMetricFamily(name, help_, labels=[label])
            for word, count in sorted(counted.items()):
                family.add_metric([word], count)
            yield family

    def _server(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("holdfast_worker_up", "1: the worker has its lease", labels=["worker"])
        asterisk = GaugeMetricFamily(
            "holdfast_worker_asterisk_connected", "1: Asterisk is connected to it", labels=["worker"]
        )
        calls = GaugeMetricFamily("holdfast_worker_calls", "Live calls of a worker", labels=["worker"])
        for peer in self._watch.peers:
            up.add_metric([peer.name], float(peer.alive))
            asterisk.add_metric([peer.name], float(peer.alive and peer.connected))
            calls.add_metric([peer.name], peer.calls)
        yield from (up, asterisk, calls)
        alarm = GaugeMetricFamily("holdfast_alarm", "1: somebody should look at it", labels=["alarm"])
        for each in self._board.alarms:
            alarm.add_metric([each.alarm], 1)
        yield alarm
        lag_ms = self._watch.findings().archive_lag_ms
        if lag_ms is not None:
            yield GaugeMetricFamily(
                "holdfast_archive_lag_seconds", "How far the archive is behind the log", lag_ms / 1000
            )
        yield GaugeMetricFamily(
            "holdfast_figures_age_seconds", "How old the live figures are", self._board.age_ms / 1000
        )
        yield CounterMetricFamily("holdfast_log_events", "Events read of the call log", self._tally.events)
        yield CounterMetricFamily(
            "holdfast_log_events_broken", "Of these, such as could not be read", self._tally.broken
        )
        yield from self._own_traffic()

    def _own_traffic(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "holdfast_api_requests", "Requests to the API", labels=["operation", "status"]
        )
        for (operation, status), count in sorted(self._traffic.requests.items()):
            requests.add_metric([operation, status], count)
        yield requests
        yield GaugeMetricFamily("holdfast_live_clients", "Who watches by /v1/live", self._traffic.clients)
        yield CounterMetricFamily(
            "holdfast_live_resyncs", "Clients that were too slow, and got all anew", self._traffic.resyncs
        )
        yield CounterMetricFamily(
            "holdfast_live_dropped", "Clients that took nothing any more", self._traffic.dropped
        )


class Exposition:
    """The text of /metrics, made at most once a turn of the board, whoever asks how often."""

    def __init__(self, board: Board, tally: Tally, watch: Watch, traffic: Traffic) -> None:
        self._board = board
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Figures(board, tally, watch, traffic))
        ProcessCollector(registry=self._registry)
        self._turn: object = None
        self._text = b""

    def text(self) -> bytes:
        if self._turn is not self._board.turned:
            self._turn, self._text = self._board.turned, generate_latest(self._registry)
        return self._text
