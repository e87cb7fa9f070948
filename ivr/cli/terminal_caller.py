"""The person at the terminal as the caller of a simulated call."""

import sys

import click

from calllog.printable import escaped
from ivr.flow.line import KEYS
from ivr.flow.simulation import CompanyLine

HELP = "keys: press them · Enter: let time pass · +5: five seconds pass · h: hang up"

_WORDS = {"answer": "the call is answered", "stop": "(stopped)", "talk": "an agent answers"}


class TerminalCaller(CompanyLine):
    """Tells what happens as it happens, and asks at each wait what the caller does.

    The end of the input hangs up.
    """

    _helped = False

    async def _wait(self, seconds: float, keys: str) -> bool:
        until = self.now_s + seconds
        known = len(self._keys)
        while (left := until - self.now_s) > 0:
            self._still_there()
            passes = self._ask(left)
            if any(key in keys for key in list(self._keys)[known:]):
                return True
            if passes and await super()._wait(min(passes, left), keys):
                return True
        return await super()._wait(0, keys)

    def _ask(self, left: float) -> float:
        """What he does now; returns the seconds he lets pass."""
        if not self._helped:
            self._helped = True
            click.echo(HELP)
        click.echo("> ", nl=False)
        line = sys.stdin.readline()
        typed = line.strip().lower()
        if not sys.stdin.isatty():
            click.echo(escaped(typed))
        if not line or typed in ("h", "hangup", "hang up"):
            self._leave()
        elif typed == "":
            return left
        elif typed[0] == "+" and typed[1:].replace(".", "", 1).isdigit():
            return float(typed[1:])
        elif all(key in KEYS for key in typed):
            self._press(typed)
        else:
            click.echo(HELP)
        return 0.0

    def _tell(self, what: str) -> None:
        super()._tell(what)
        click.echo(self.words(self.now_s, what))

    @staticmethod
    def words(at_s: float, what: str) -> str:
        """One line for what happened."""
        verb, _, rest = what.partition(" ")
        match verb:
            case "step":
                said = rest
            case "play" if rest.startswith("say:"):
                said = f"  “{rest.removeprefix('say:')}”"
            case "play":
                said = f"  ♪ {rest}"
            case "wait":
                said = f"  waits {rest}"
            case _:
                said = f"  {_WORDS.get(what, what)}"
        return f"{at_s:8.1f} s  {escaped(said)}"
