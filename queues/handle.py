"""A worker's hold on one of its calls: what makes each operation accepted once and in order."""

from dataclasses import dataclass, field
from typing import Protocol


class Owned(Protocol):
    """What a handle is made of after a take-over: ivr.checkpoint.CallRecord."""

    @property
    def call(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def op(self) -> int: ...
    @property
    def seq(self) -> int: ...


@dataclass(slots=True)
class CallHandle:
    """`epoch` fences owners of before; `op` numbers operations, so that a repeated one is recognised."""

    call: str
    worker: str
    epoch: int = 1
    op: int = 0
    seq: int = 0
    """Number of the call's last log event that is known here."""
    pending: list[tuple[int, str]] = field(default_factory=list)
    """Notes (instant in ms, body) that ride with the next operation, in order."""

    @classmethod
    def of_record(cls, record: Owned, worker: str) -> "CallHandle":
        """The handle of a call that this worker has just adopted."""
        return cls(record.call, worker, record.epoch, record.op, record.seq)
