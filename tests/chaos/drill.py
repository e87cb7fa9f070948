"""Callflows for drills: one number for each state a call can be in when disaster comes.

| number | what happens to the caller |
|---|---|
| 200 | queue `drill`: agents answer at once or nearly so |
| 201 | a long prompt |
| 202 | a menu that is patient |
| 203 | queue `lonely`: nobody comes |
| 204 | queue `holding`: agents who put callers on hold |
| 205 | queue `ringing`: agents who let it ring |
| 206 | queue `slow`: agents who answer after a while |
"""

import random
import struct
import wave
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.rig.sound import RATE

QUEUED, PROMPT, MENU, LONELY, HOLDING, RINGING, SLOW = "200", "201", "202", "203", "204", "205", "206"
QUEUES = {QUEUED: "drill", LONELY: "lonely", HOLDING: "holding", RINGING: "ringing", SLOW: "slow"}
PROMPT_S = 40
RING_S = 60


def write(directory: Path, agents: Mapping[str, Mapping[str, int]]) -> Path:
    """Callflows in this directory. `agents`: queue → agent's name → port of his phone on this machine."""
    directory.mkdir(parents=True)
    (directory / "flows").mkdir()
    prompts = directory / "prompts" / "en"
    prompts.mkdir(parents=True)
    noise(prompts / "long.wav", PROMPT_S, seed=1)
    noise(prompts / "keys.wav", 2, seed=2)
    for queue in QUEUES.values():
        _yaml(directory / "flows" / f"{queue}.yaml", {"steps": {"wait": {"queue": queue}}})
    prompt = {"play": "long", "next": "end"}
    _yaml(directory / "flows" / "prompt.yaml", {"steps": {"long": prompt, "end": _END}})
    next_ = dict.fromkeys(("1", "timeout", "invalid"), "end")
    menu = {"menu": {"play": "keys", "timeout_s": 60}, "next": next_}
    _yaml(directory / "flows" / "menu.yaml", {"steps": {"choose": menu, "end": _END}})
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


def noise(path: Path, length_s: float, seed: int) -> None:
    """A sound that is like no other: smoothed noise, loud enough to be heard through µ-law."""
    dice, level, samples = random.Random(seed), 0.0, []
    for _ in range(round(length_s * RATE)):
        level = 0.7 * level + dice.uniform(-4000, 4000)
        samples.append(round(level))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def _yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
