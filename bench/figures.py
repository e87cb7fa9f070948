"""The figures of a segment, from its calls as the wire shows them. Pure."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from bench.sip_trace import CallTrace, rung_while_busy


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of a latency in ms (nearest rank: each is a value that occurred), None without a sample."""

    samples: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    longest_ms: float | None


class Wire(msgspec.Struct, frozen=True):
    """What callers and agents saw of one segment."""

    calls: int
    served: int
    failed: int
    """Calls not answered, or not connected to an agent before they ended."""
    repeated_invites: int
    """Calls whose caller had to send his INVITE again."""
    offers: int
    rung_while_busy: int
    invite_to_200: Spread
    joined_to_ring: Spread
    """From the caller's 200 to the agent's first INVITE; both join the queue right after they answer."""
    invite_to_talk: Spread
    """From the caller's INVITE to the agent's 200."""


def spread(values: Iterable[float]) -> Spread:
    """Percentiles of values in ms."""
    ordered = sorted(values)
    if not ordered:
        return Spread(0, None, None, None, None)
    p50, p95, p99 = (round(_nearest(ordered, share), 3) for share in (0.50, 0.95, 0.99))
    return Spread(len(ordered), p50, p95, p99, round(ordered[-1], 3))


def _nearest(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def wire_figures(calls: Sequence[CallTrace]) -> Wire:
    """Counts and latencies of the calls of one segment."""
    served = [call for call in calls if call.served]
    return Wire(
        calls=len(calls),
        served=len(served),
        failed=len(calls) - len(served),
        repeated_invites=sum(call.invites > 1 for call in calls),
        offers=sum(len(call.offers) for call in calls),
        rung_while_busy=rung_while_busy(calls),
        invite_to_200=spread(_ms(call.invited_at, call.answered_at) for call in calls if call.answered_at),
        joined_to_ring=spread(
            _ms(call.answered_at, call.offers[0].invited_at)
            for call in calls
            if call.answered_at and call.offers
        ),
        invite_to_talk=spread(
            _ms(call.invited_at, next(offer.answered_at for offer in call.offers if offer.answered_at))
            for call in served
        ),
    )


def _ms(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / 1e6
