"""A simulated call at the terminal: what happens is told, and somebody there may be the caller."""

import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from math import isfinite

import click

from calllog.printable import escaped
from ivr.flow.line import KEYS, Announcement, Figures
from ivr.flow.script import Agents, Party, Script
from ivr.flow.simulation import Company, CompanyLine
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.values import as_text
from ivr.flow.web import Reply, Request, WebFailed, WebTimeout

HELP = """\
  123  press these keys                    +5  let five seconds pass
  Enter  let time pass until something happens    h  hang up    ?  this help
  =WORD  decide what others do, where the question names WORDs"""

_WORDS = {"answer": "the call is answered", "stop": "(stopped)"}


class ToldCall(CompanyLine):
    """Prints what happens as it happens, with the outcome of each step and the variables it has set."""

    def __init__(self, company: Company, script: Script, language: str) -> None:
        super().__init__(company, script, language)
        about = self.about
        caller = f"from {about.number}" if about.number else "from a hidden number"
        moment = f"{self.now():%A, %Y-%m-%d %H:%M} ({self._zone})"
        self._say(f"A call {caller} to {about.called}, in `{language}`, on {moment}")

    def note(self, kind: str, **fields: object) -> None:
        super().note(kind, **fields)
        if kind == "step":
            changed = fields.get("changed")
            values = changed.items() if isinstance(changed, dict) else ()
            told = ", ".join(f"{name} = {_shown(value)}" for name, value in values)
            self._say(f"{'':10}  → {fields['outcome']}" + (f"   {told}" if told else ""))

    def _tell(self, what: str) -> None:
        rung = next((each for each in reversed(self.story) if each.startswith(("wait ", "call "))), "")
        super()._tell(what)
        self._say(f"{self.now_s:8.1f} s  {self._in_words(what, rung)}")

    def _in_words(self, what: str, rung: str) -> str:
        """One line for what happened. `rung`: who was asked for last."""
        verb, _, rest = what.partition(" ")
        match verb:
            case "step":
                return rest
            case "play" if rest.startswith("say:"):
                return f"  “{rest.removeprefix('say:')}”"
            case "play":
                return f"  ♪ {rest}"
            case "wait":
                return f"  waits {rest}"
            case "talk":
                return "  somebody answers there" if rung.startswith("call ") else "  an agent answers"
        return f"  {_WORDS.get(what, what)}"

    def _say(self, text: str) -> None:
        click.echo(escaped(text))


def _shown(value: object) -> str:
    return "(not known)" if value is None else as_text(value) if isinstance(value, bool) else str(value)


class _Decided(Exception):  # noqa: N818 (no error: what others do, as the person at the terminal says)
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class TerminalCaller(ToldCall):
    """Asks at each wait what the caller does, and what the others do. The end of the input hangs up."""

    def __init__(self, company: Company, script: Script, language: str) -> None:
        super().__init__(company, script, language)
        click.echo(HELP)
        self._awaited = ""
        self._words: tuple[str, ...] = ()
        """What may be decided now; `…` stands for anything."""
        self._unasked_until = 0.0
        self._figures: dict[str, Figures | None] = {}

    async def digit(self, timeout_s: float) -> str | None:
        with self._awaiting("waits for a key"):
            return await super().digit(timeout_s)

    async def queue(
        self,
        name: str,
        max_wait_s: float | None,
        reason: str = "",
        standing: Standing = ORDINARY,
        exits: Collection[str] = ("timeout",),
    ) -> str:
        began_s = self.now_s
        try:
            with self._awaiting("in line", "nobody", *(each for each in exits if each != "timeout")):
                return await super().queue(name, max_wait_s, reason, standing, exits)
        except _Decided as decided:
            self.in_line = False
            if decided.word in exits:
                return decided.word
            with self._awaiting("in line, and nobody comes"):
                left_s = self._script.gone_at if max_wait_s is None else began_s + max_wait_s - self.now_s
                left = await self._hold_on(self.settings_of(name), left_s or 0, exits)
            return "exit" if left else "timeout"

    async def _rung(
        self, outcome: str, party: Party | Agents, ring_s: float, announcement: Announcement | None = None
    ) -> str:
        words: tuple[str, ...] = ("no_answer",)
        if isinstance(party, Party):
            words = ("busy", "no_answer", "failed", *(["declined"] if announcement else []))
        try:
            with self._awaiting("it rings there", *words):
                return await super()._rung(outcome, party, ring_s, announcement)
        except _Decided as decided:
            return decided.word

    async def ask(self, request: Request) -> Reply:
        began_s = self.now_s
        try:
            with self._awaiting("the server thinks, and answers {}", "404", "{…}", "timeout", "unreachable"):
                return await super().ask(request)
        except _Decided as decided:
            if decided.word == "timeout":
                await super()._wait(began_s + request.timeout_s - self.now_s, "")
                raise WebTimeout("no answer") from None
            if decided.word == "unreachable":
                raise WebFailed("cannot be reached") from None
            status = decided.word.isdigit()
            return Reply(int(decided.word) if status else 200, b"{}" if status else decided.word.encode())

    async def figures(self, queue: str) -> Figures | None:
        if queue not in self._figures:
            asked = "how many wait, longest wait in s, ready, staffed (Enter: not known)"
            self._figures[queue] = _figures(self._read(f"{'':10}  … queue {queue}: {asked}"))
        await self._await()
        return self._figures[queue]

    @contextmanager
    def _awaiting(self, what: str, *words: str) -> Iterator[None]:
        before = self._awaited, self._words
        self._awaited, self._words = what, words
        try:
            yield
        finally:
            self._awaited, self._words = before

    async def _wait(self, seconds: float, keys: str) -> bool:
        until = self.now_s + seconds
        known = len(self._keys)
        while (left := until - self.now_s) > 0:
            self._still_there()
            passes = self._unasked_until - self.now_s
            if passes <= 0:
                passes = self._ask(left)
            if any(key in keys for key in list(self._keys)[known:]):
                return True
            if passes > 0 and await super()._wait(min(passes, left), keys):
                return True
        return await super()._wait(0, keys)

    def _ask(self, left: float) -> float:
        """What happens now; returns the seconds that pass."""
        said = self._read(self._question(left))
        typed = said.lower()
        if typed in ("h", "hangup", "hang up"):
            self._leave()
        elif typed == "":
            return left
        elif typed[0] == "+" and typed[1:].replace(".", "", 1).isdigit():
            self._unasked_until = self.now_s + float(typed[1:])
            return min(float(typed[1:]), left)
        elif all(key in KEYS for key in typed):
            self._press(typed)
        elif said[0] == "=" and self._may(said[1:]):
            raise _Decided(said[1:])
        else:
            click.echo(HELP)
        return 0.0

    def _question(self, left: float) -> str:
        speaks = "he speaks" if self.story[-1].startswith("record ") else "sound"
        what = "they talk" if self.story[-1] == "talk" else self._awaited or speaks
        words = f" ({' '.join(f'={word}' for word in self._words)})" if self._may_decide else ""
        return f"{'':10}  … {what}" + (f", {left:.1f} s" if isfinite(left) else "") + words

    @property
    def _may_decide(self) -> bool:
        return bool(self._words) and self.story[-1] != "talk"

    def _may(self, word: str) -> bool:
        """Whether it is one of the words; `404` stands for any status, `{…}` for any JSON."""
        status = "404" in self._words and word.isdigit() and 100 <= int(word) <= 599
        json = "{…}" in self._words and word[:1] in ("{", "[")
        return self._may_decide and (word in self._words or status or json)

    def _read(self, question: str) -> str:
        """What is typed. Ctrl-C or the end of the input hangs up."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's waits for the loop
        try:
            click.echo(escaped(question) + " > ", nl=False)
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        finally:
            signal.signal(signal.SIGINT, before)
        if not line:
            click.echo()
            self._leave()
        elif not sys.stdin.isatty():
            click.echo(escaped(line.strip()))
        return line.strip()


def _figures(typed: str) -> Figures | None:
    """`3 60 0 2`; what is not written is 0."""
    parts = typed.split()
    if not parts or not all(part.isdigit() for part in parts[:4]):
        return None
    return Figures(*map(int, parts[:4]))
