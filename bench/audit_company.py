"""Callflows, telephones and callers of `make audit-load`: all that can end or hold a call happens in them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.world import AGENTS, CALLERS
from tests.rig.sipp import Caller, Play
from tests.rig.voice import speech, write_wav

AGENT_COUNT = 44
WAYS = (("sendonly", ""), ("inactive", ""), ("sendrecv", "0.0.0.0"))  # noqa: S104  (a hold, not an address)
"""How a telephone holds: by an attribute (RFC 3264), or by no address (RFC 2543). Empty: its own address."""
PROMPTS = {"hello": 0.8, "choose": 1.2, "listen": 0.3, "rate": 0.8}
"""Prompt → its length in seconds."""
TALKS = {"ring_ms": 350, "turn_ms": 900, "hold_ms": 700, "talk_ms": 2_200}
TURNS = {"stay_ms": 60_000, "short_ms": 800, "turn_ms": 2_600, "hold_ms": 600, "again_ms": 1_800}
GIVEN_TO = "398"
"""Where agents refer callers: the extension of the queue `second`."""

_COMMON = {"ring_s": 1, "wrapup_s": 1, "cooldown_s": 1}
QUEUES: Mapping[str, dict[str, Any]] = {
    "first": dict(_COMMON),
    "second": _COMMON | {"extension": GIVEN_TO},
    "whispered": _COMMON | {"whisper": {"play": ["listen"]}},
    "short": _COMMON | {"max_wait_s": 1},
}
NUMBERS = {"200": "straight", "201": "chosen", "202": "whispered", "203": "short", "204": "unanswered"}
_END = {"hangup": None}
_ASK = {"name": "csat", "ask": "rate", "uninvited": True, "timeout_s": 1, "retries": 0}
FLOWS: Mapping[str, dict[str, Any]] = {
    "straight": {
        "steps": {"wait": {"queue": "first"}},
        "after_agent": {"rate": {"survey": _ASK, "next": "end"}, "end": _END},
    },
    "chosen": {
        "steps": {
            "choose": {
                "menu": {"play": ["choose"], "timeout_s": 1, "retries": 0},
                "next": {1: "wait", "timeout": "end", "invalid": "end"},
            },
            "wait": {"queue": "second", "next": {"answered": "end"}},
            "end": _END,
        }
    },
    "whispered": {
        "steps": {"wait": {"queue": "whispered", "next": {"answered": "end"}}, "end": _END},
    },
    "short": {
        "steps": {"wait": {"queue": "short", "next": {"answered": "end", "timeout": "end"}}, "end": _END},
    },
    "unanswered": {
        "steps": {
            "hear": {"play": {"files": ["hello"], "answer": False}, "next": "refuse"},
            "refuse": {"hangup": "congestion"},
        }
    },
}


class Group(NamedTuple):
    """Callers who play the same plot."""

    scenario: str
    keys: Mapping[str, int | str]
    numbers: tuple[str, ...]
    share: float
    """Of all calls."""
    pressed: str = ""


def groups() -> Iterator[Group]:
    """Who calls: the shares add up to 1."""
    host, _ = CALLERS
    for (attribute, address), share in zip(WAYS, (0.3, 0.2, 0.2), strict=True):
        keys = TURNS | {"hold_as": attribute, "hold_at": address or host}
        yield Group("caller_of_all_kinds", keys, ("200", "202", "203", "200", "201"), share)
    yield Group("caller_presses_keys_by_info", {"think_ms": 500, "stay_ms": 3_000}, ("201",), 0.15, "1")
    yield Group("caller_waits", {"stay_ms": 60_000}, ("201",), 0.05)
    yield Group("caller_gives_up", {"stay_ms": 400}, ("204",), 0.05)
    yield Group("caller_gives_up", {"stay_ms": 30_000}, ("204",), 0.05)


def plays(calls: int, rate: int, target: str) -> Iterator[Play]:
    """A SIPp for each group; together they place so many calls, so many a second."""
    host, port = CALLERS
    begun = 0
    for place, group in enumerate(groups()):
        count = round(calls * group.share)
        lines = []
        for number in range(begun, begun + count):
            called = group.numbers[number % len(group.numbers)]
            lines.append(Caller(f"49{number:06}", "Audit", group.pressed or called))
        begun += count
        service = "" if group.scenario == "caller_of_all_kinds" else group.numbers[0]
        yield Play(
            group.scenario,
            group.keys,
            lines,
            target=target,
            service=service,
            host=host,
            port=port + place,
            rate=rate * group.share,
            trace=True,
            statistics=True,
        )


def phones(count: int = len(WAYS)) -> Iterator[Play]:
    """The agents' telephones: one SIPp for each way of holding."""
    host, port = AGENTS
    for place, (attribute, address) in enumerate(WAYS[:count]):
        keys = TALKS | {
            "hold_as": attribute,
            "hold_at": address or host,
            "refer_to": f"sip:{GIVEN_TO}@127.0.0.1",
        }
        yield Play("agent_of_all_kinds", keys, host=host, port=port + place, trace=True)


def people() -> dict[str, str]:
    """Agent → contact of his telephone."""
    host, port = AGENTS
    names = [f"agent{number:03}" for number in range(AGENT_COUNT)]
    return {name: f"sip:{name}@{host}:{port + place % len(WAYS)}" for place, name in enumerate(names)}


def devices() -> dict[str, str]:
    """Device → agent."""
    return {f"{agent}-phone": agent for agent in people()}


def write(directory: Path) -> Path:
    """The callflows as files."""
    contents: dict[str, Any] = {
        **{f"flows/{name}.yaml": flow for name, flow in FLOWS.items()},
        "numbers.yaml": {
            "default": {"flow": "straight"},
            "numbers": {number: {"flow": flow} for number, flow in NUMBERS.items()},
        },
        "queues.yaml": {"queues": QUEUES},
        "agents.yaml": {
            "agents": {
                agent: {"device": device, "queues": list(QUEUES), "at_start": "ready"}
                for device, agent in devices().items()
            },
            "devices": {f"{agent}-phone": {"contact": contact} for agent, contact in people().items()},
        },
        "trunks.yaml": {"trunks": {"local": {"match": ["127.0.0.0/8"]}}},
        "policy.yaml": {"transfers": {"to": ["queues"]}},
    }
    for name, content in contents.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(msgspec.json.encode(content))  # JSON is YAML
    prompts = directory / "prompts" / "en"
    prompts.mkdir(parents=True)
    for seed, (name, length_s) in enumerate(PROMPTS.items()):
        write_wav(prompts / f"{name}.wav", speech(seed, length_s))
    return directory
