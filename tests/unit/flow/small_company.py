"""A small right directory of call flows, to be broken in one place by a test."""

import wave
from pathlib import Path

FILES = {
    "flows/main.yaml": """\
title: Main
steps:
  welcome:
    play: hello
    next: choose
  choose:
    menu: question
    next:
      1: sales
      invalid: bye
      timeout: bye
  sales:
    queue: sales
  bye:
    hangup:
""",
    "queues.yaml": "queues:\n  sales:\n    title: Sales\n",
    "agents.yaml": """\
agents:
  alice:
    device: alice-phone
    queues: [sales]
devices:
  alice-phone:
""",
    "numbers.yaml": 'default: {flow: main}\nnumbers:\n  "100": {flow: main, campaign: web}\n',
    "trunks.yaml": "trunks:\n  local:\n    match: [127.0.0.0/8]\n    address: 127.0.0.1:5070\n",
    "policy.yaml": """\
dial:
  trunk: local
  country: DE
  allow: ["+49"]
  deny: ["+4930902"]
""",
}
PROMPTS = ("hello", "question")


def build(directory: Path) -> Path:
    """Write the whole directory."""
    for name, text in FILES.items():
        write(directory, name, text)
    for number, name in enumerate(PROMPTS, start=1):
        record(directory / "prompts" / "en" / f"{name}.wav", samples=8 * number)
    return directory


def write(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def edit(directory: Path, name: str, old: str, new: str) -> None:
    """Replace `old`, which must be there once, in one file."""
    text = (directory / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
    write(directory, name, text.replace(old, new))


def record(path: Path, samples: int = 8, rate: int = 8000, channels: int = 1, width: int = 2) -> None:
    """Write a sound file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setframerate(rate)
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.writeframes(bytes(samples * channels * width))
