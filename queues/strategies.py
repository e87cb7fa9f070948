"""The strategies by which a queue chooses among its ready agents; each is a unit of lua/strategies.lua."""

from collections.abc import Mapping
from typing import Literal

Strategy = Literal[
    "longest_idle",
    "fewest_calls",
    "least_talk",
    "round_robin",
    "linear",
    "random",
    "weighted_random",
    "ring_all",
    "progressive",
]

SENTENCES: Mapping[Strategy, str] = {
    "longest_idle": "who has been ready longest",
    "fewest_calls": "who has had the fewest calls since he logged in; then who has been ready longest",
    "least_talk": "who has talked least since he logged in, in seconds; then who has been ready longest",
    "round_robin": "whose turn it is: who took or missed a call longest ago",
    "linear": "the first in the order of agents.yaml, or of `order` in his entry for the queue",
    "random": "anybody, by chance",
    "weighted_random": "anybody, by chance; who has `weight: 3` three times as often as who has 1",
    "ring_all": "everybody, at most 20 at once; who answers first has the caller",
    "progressive": "who has been ready longest, and every `ring_more_s` one more, until somebody answers",
}
"""What each does, for people."""
