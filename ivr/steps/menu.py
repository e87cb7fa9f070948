"""`menu`: ask, and go where the pressed key leads."""

from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.asking import Asking
from ivr.flow.line import KEYS, Line
from ivr.flow.step import innermost


class Menu(Asking):
    """Play a prompt and take a key. The outcome is the key if `next:` has it, or `invalid`, or `timeout`."""

    main: ClassVar = "play"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  choose:
    menu:
      play: main-menu
      retries: 1
      invalid: wrong-key
      timeout: {say: Please press a key.}
    next:
      1: end
      "*": choose
      invalid: end
      timeout: end
  end: {hangup: }
"""

    digits: Annotated[int, Field(ge=1, le=8)] = 1
    """Keys of one choice at most: 1 for a menu, more for extensions."""

    def possible(self) -> tuple[str, ...]:
        return (*self._choices(), *self.outcomes)

    def nonsense(self) -> str | None:
        choices = self._choices()
        for one in choices:
            for other in choices:
                if other != one and other.startswith(one):
                    return f"key {one} is also the beginning of {other}: who presses {one} has to wait"
        return None if choices else "`next:` of a menu must name at least one key"

    async def run(self, line: Line) -> str:
        return await self.ask(line, self._choice)

    async def _choice(self, line: Line) -> str:
        pressed = await self.keys(line, self._complete)
        if not pressed:
            return "timeout"
        line.note("input", path=innermost(line.path), digits=pressed)
        return pressed if pressed in self._choices() else "invalid"

    def _complete(self, pressed: str) -> bool:
        """So many keys, or fewer if no longer choice begins with them."""
        choices = self._choices()
        whole = pressed in choices and not any(c != pressed and c.startswith(pressed) for c in choices)
        return whole or len(pressed) >= self.digits

    def _choices(self) -> list[str]:
        return [c for c in self.next if len(c) <= self.digits and all(key in KEYS for key in c)]
