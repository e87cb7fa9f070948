"""Callflows for drills: one number for each state a call can be in when disaster comes.

| number | what happens to the caller |
|---|---|
| 200 | queue `drill`: agents answer at once or nearly so |
| 201 | a long prompt |
| 202 | a menu that is patient, then queue `lonely` |
| 203 | queue `lonely`: nobody comes |
| 204 | queue `holding`: agents who put callers on hold |
| 205 | queue `ringing`: agents who let it ring |
| 206 | queue `slow`: agents who answer after a while |
"""

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from tests.rig.ear import Recording
from tests.rig.sound import LOUD, RATE, STRETCH, Piece, heard_music, loudness
from tests.rig.voice import write_wav

QUEUED, PROMPT, MENU, LONELY, HOLDING, RINGING, SLOW = "200", "201", "202", "203", "204", "205", "206"
QUEUES = {QUEUED: "drill", LONELY: "lonely", HOLDING: "holding", RINGING: "ringing", SLOW: "slow"}
LENGTH_S = {"long": 40, "keys": 2, "music": 60}
"""Sounds and how long they are."""
RING_S = 60
KEY = "9"
"""What the menu of 202 understands: then the caller waits in `lonely`."""


def write(directory: Path, agents: Mapping[str, Mapping[str, int]]) -> Path:
    """Callflows in this directory. `agents`: queue → agent's name → port of his phone on this machine."""
    directory.mkdir(parents=True)
    (directory / "flows").mkdir()
    prompts = directory / "prompts" / "en"
    prompts.mkdir(parents=True)
    write_wav(prompts / "long.wav", sound_of("long"))
    write_wav(prompts / "keys.wav", sound_of("keys"))
    music = directory / "music" / "default"
    music.mkdir(parents=True)
    write_wav(music / "music.wav", sound_of("music"))
    for queue in QUEUES.values():
        _yaml(directory / "flows" / f"{queue}.yaml", {"steps": {"wait": {"queue": queue}}})
    prompt = {"play": "long", "next": "end"}
    _yaml(directory / "flows" / "prompt.yaml", {"steps": {"long": prompt, "end": _END}})
    _write_menu(directory / "flows")
    flows = {**QUEUES, PROMPT: "prompt", MENU: "menu"}
    numbers = {number: {"flow": flow, "language": "en"} for number, flow in flows.items()}
    _yaml(directory / "numbers.yaml", {"default": dict(numbers[QUEUED]), "numbers": numbers})
    _yaml(
        directory / "queues.yaml",
        {"queues": {queue: {"ring_s": RING_S, "cooldown_s": 1} for queue in QUEUES.values()}},
    )
    people = {
        agent: {"device": f"{agent}-phone", "queues": [queue], "at_start": "ready"}
        for queue, ports in agents.items()
        for agent in ports
    }
    devices = {
        f"{agent}-phone": {"contact": f"sip:{agent}@127.0.0.1:{port}"}
        for ports in agents.values()
        for agent, port in ports.items()
    }
    _yaml(directory / "agents.yaml", {"agents": people, "devices": devices})
    _yaml(directory / "trunks.yaml", {"trunks": {"local": {"match": ["127.0.0.0/8"]}}})
    return directory


_END = {"hangup": None}


def _write_menu(flows: Path) -> None:
    """The menu is in a flow of its own, and variables decide after it: both must outlive a worker."""
    ask = {"flow": {"name": "ask", "give": {"wanted": KEY}}, "next": {"chosen": "check", "gone": "end"}}
    check = {"branch": "chosen == wanted", "next": {"yes": "wait", "no": "end"}}
    wait = {"queue": QUEUES[LONELY]}
    _yaml(flows / "menu.yaml", {"steps": {"ask": ask, "check": check, "wait": wait, "end": _END}})
    ways = {KEY: "note", "timeout": "gone", "invalid": "gone"}
    choose = {"menu": {"play": "keys", "timeout_s": 60}, "next": ways}
    note = {"set": {"chosen": KEY}, "next": "chosen"}
    ends = {outcome: {"back": outcome} for outcome in ("chosen", "gone")}
    _yaml(flows / "ask.yaml", {"steps": {"choose": choose, "note": note, **ends}})


@cache
def sound_of(name: str) -> list[int]:
    """The samples of a sound."""
    return noise(LENGTH_S[name], seed=len(name))


def unbroken(recording: Recording, name: str, from_ms: int, to_ms: int) -> float:
    """Share of the time between two instants in which this sound was heard.

    Silence, other sounds, and a recording that ends too early count against it.
    """
    part = recording.part(from_ms / 1000, to_ms / 1000)
    starts = range(0, len(part) - STRETCH + 1, STRETCH)
    loud = sum(loudness(part[at : at + STRETCH]) >= LOUD for at in starts)
    if not loud:
        return 0.0
    due = (to_ms - from_ms) / 1000 * RATE / STRETCH
    return heard_music(part, [piece_of(name)]).share * min(1.0, loud / (due - 1))


@cache
def piece_of(name: str) -> Piece:
    """A sound in which parts of it can be found."""
    return Piece(sound_of(name))


def noise(length_s: float, seed: int) -> list[int]:
    """A sound that is like no other: smoothed noise, loud enough to be heard through µ-law."""
    dice, level, samples = random.Random(seed), 0.0, []
    for _ in range(round(length_s * RATE)):
        level = 0.7 * level + dice.uniform(-4000, 4000)
        samples.append(round(level))
    return samples


def _yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
