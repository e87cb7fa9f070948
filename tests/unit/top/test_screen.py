"""The wallboard as it stays open: keys, sizes, and a server that goes and comes back."""

import asyncio
from collections.abc import Callable

from textual.events import Key
from textual.pilot import Pilot

from ivr.top.screen import Wallboard
from ivr.top.source import Source, Way
from tests.unit.top.test_rows import agent, queue, state

WAIT_S = 20.0


class Told(Source):
    """A source that says what the test has it say."""

    def __init__(self) -> None:
        super().__init__(Way())
        people = [
            agent(f"agent{number:03}", "ready" if number % 2 else "talking", number) for number in range(300)
        ]
        people.append(agent("zoe", "offline"))
        self.state = state([queue("sales", 2, 75), queue("office"), queue("support", 1, 5)], people)
        self.told: Callable[[], None] = lambda: None

    async def run(self, told: Callable[[], None]) -> None:
        self.told = told
        told()
        await asyncio.Event().wait()


def shown(app: Wallboard) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


async def until(pilot: Pilot[None], app: Wallboard, what: Callable[[list[str]], bool]) -> list[str]:
    async with asyncio.timeout(WAIT_S):
        while not what(shown(app)):
            await pilot.pause()
    return shown(app)


def column(lines: list[str], *names: str) -> list[str]:
    """Which of the names lines begin with, in order."""
    return [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in names]


QUEUES = ("Sales", "Support", "Office")


async def test_it_fits_and_follows_the_size() -> None:
    app = Wallboard(Told())
    async with app.run_test(size=(80, 24)) as pilot:
        lines = await until(pilot, app, lambda lines: "Agent000" in "".join(lines))
        assert column(lines, *QUEUES) == ["Sales", "Support", "Office"]
        assert lines[0].startswith("Holdfast   3 waiting, the longest 1:")
        await until(pilot, app, lambda lines: "quit" in lines[-1])
        assert "refused" not in "".join(lines)
        await pilot.resize_terminal(160, 40)
        await until(pilot, app, lambda lines: "refused" in "".join(lines))


async def test_keys() -> None:
    source = Told()
    app = Wallboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, app, lambda lines: column(lines, *QUEUES) == ["Sales", "Support", "Office"])
        await pilot.press("r")
        await until(pilot, app, lambda lines: column(lines, *QUEUES) == ["Office", "Support", "Sales"])
        await pilot.press("s")
        await until(pilot, app, lambda lines: "30 min▼" in "".join(lines))
        assert "Zoe" not in "".join(shown(app))
        await pilot.press("slash", *"zoe")
        await until(pilot, app, lambda lines: "Zoe" in "".join(lines) and "Agent000" not in "".join(lines))
        await pilot.press("escape")
        await until(pilot, app, lambda lines: "Agent000" in "".join(lines))
        await pilot.press("tab", "end")
        await until(pilot, app, lambda lines: "Agent299" in "".join(lines))
        await pilot.press("q")
    assert app.return_code == 0


async def test_keys_that_come_together_are_those_of_the_filter() -> None:
    """As over a slow line: none of them is taken for a command."""
    app = Wallboard(Told())
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, app, lambda lines: "Agent000" in "".join(lines))
        for key, letter in (("slash", "/"), *((each, each) for each in "zoe")):
            app.post_message(Key(key, letter))
        await until(pilot, app, lambda lines: "Zoe" in "".join(lines) and "Agent000" not in "".join(lines))
        await pilot.press("escape")
        await until(pilot, app, lambda lines: "Agent000" in "".join(lines) and "Zoe" not in "".join(lines))


async def test_a_server_that_is_away_is_waited_for() -> None:
    source = Told()
    app = Wallboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, app, lambda lines: "Sales" in "".join(lines))
        source.state.is_away("it does not answer")
        source.told()
        lines = await until(pilot, app, lambda lines: "waiting for 0:0" in lines[1])
        assert "it does not answer; what you see is of" in lines[1]
        assert column(lines, *QUEUES) == ["Sales", "Support", "Office"]
        source.state.is_well()
        source.told()
        await until(pilot, app, lambda lines: "waiting for 0:0" not in "".join(lines))
