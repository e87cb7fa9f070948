"""Expressions and templates: what admins write where a value is worked out. Checked when the file is read.

    class Greet(Step):
        text: Template                        # text: Hello, {queue.sales.waiting} callers wait
        when: Expression = Expression("yes")  # when: language == "es" and not vip

        async def run(self, line):
            if await self.when.holds(line):   # yes or no
                value = await self.when.value(line)
                text = await self.text.text(line)

`Template.text(line, show)` hands every value and its format (`{price:money EUR}`) to `show`; without `show`
formats are not looked at. `Template.value(line)` keeps the type if the template is nothing but one `{…}`,
a number, yes or no. A text without `{` is a template, too; `template.fixed` is that text, None if it must be
worked out. A brace that is meant is written twice. In a `SecretTemplate` may stand what a `sensitive: yes`
step has learned (names that its `secrets()` tells, values in `line.secrets`); `check` refuses any other.

Names: `caller.number`, `caller.name`, `called`, `campaign`, `language`, `now` (`now.date`, `.time`, `.hour`,
`.minute`, `.weekday`), `queue.NAME.waiting|longest_wait_s|ready|staffed`, and variables, `NAME`/`vars.NAME`.
Also `and or not in == != < <= > >= + - * / %`, brackets, lists `["a", "b"]`, `yes no none`, and
`starts(TEXT, BEGINNING) length(TEXT) number(TEXT) round(NUMBER)`.

Only what is named here can be written, there are no loops, and values are bounded: so are time and memory.
Nothing fails at run time (see `values`). For checks: `reads` are the variables in it, `queues` the queues;
`written_in(step)` finds every one in a step's fields. A field for a variable's name is a `VariableName`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from ivr.flow.formula import RESERVED, Compiled, Seen, compiled
from ivr.flow.line import Figures, Line
from ivr.flow.naming import Misnamed, nearest
from ivr.flow.values import MAX_TEXT, Value, as_text, holds, plain_value

__all__ = [
    "Expression",
    "Figures",
    "Misnamed",
    "SecretTemplate",
    "Template",
    "Value",
    "VariableName",
    "written_in",
]

FORMATS = ("text", "number", "ordinal", "digits", "money", "date", "time", "duration")
"""What may stand behind the colon of `{name:format}`; more words may follow (`money EUR`)."""

_QUOTED = r"\"[^\"]*\"|'[^']*'"
_SLOT = re.compile(rf"\{{\{{|\}}\}}|\{{(?P<inside>(?:{_QUOTED}|[^{{}}\"'])*)\}}|(?P<alone>[{{}}])")
_INSIDE = re.compile(rf"(?P<formula>(?:{_QUOTED}|[^:\"'])*)(:(?P<format>.*))?", re.S)

Show = Callable[[Value, str], str]
"""How a value is shown, given its format (empty: none was written)."""


def _variable(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(f"`{name[:60]}` cannot be a variable: use a-z, 0-9 and _, at most 40 characters")
    if name in RESERVED:
        raise ValueError(f"`{name}` cannot be a variable: the word has a meaning of its own")
    return name


VariableName = Annotated[str, AfterValidator(_variable)]
"""A name that a flow may give to a value."""


class _Written:
    """A text that means something. Two of a kind are equal if they are written alike."""

    reads: frozenset[str]
    queues: frozenset[str]

    def __init__(self, written: str) -> None:
        self.written = written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and type(other) is type(self) and other.written == self.written

    def __hash__(self) -> int:
        return hash(self.written)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.written!r})"

    def __str__(self) -> str:
        return self.written

    async def _seen(self, line: Line) -> Seen:
        """The queues' figures, as they are now."""
        return {queue: await line.figures(queue) for queue in self.queues} if self.queues else {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object, as_string: Callable[[object], str]) -> _Written:
            return value if isinstance(value, cls) else cls(as_string(value))

        return core_schema.no_info_wrap_validator_function(
            read, core_schema.str_schema(min_length=1), serialization=core_schema.to_string_ser_schema()
        )


class Expression(_Written):
    """Something to be worked out, such as `language == "es"`. Raises `Misnamed` (a ValueError)."""

    def __init__(self, written: str) -> None:
        super().__init__(written)
        self._formula, self.reads, self.queues = compiled(written)

    async def value(self, line: Line) -> Value:
        """What it is on this line, now."""
        return self._formula(line, await self._seen(line) if self.queues else {})

    async def holds(self, line: Line) -> bool:
        """Whether it is so. Nothing, 0, an empty text, `no` and what is not known are not."""
        return holds(await self.value(line))


class Slot(NamedTuple):
    """One `{…}` of a template."""

    compiled: Compiled
    format: str


class Template(_Written):
    """A text with values in it, such as `Your code is {code}.` Raises `Misnamed` (a ValueError)."""

    def __init__(self, written: str) -> None:
        super().__init__(written)
        self.parts: tuple[str | Slot, ...] = tuple(_parts(written))
        """Its texts and slots in order; no text is empty."""
        slots = [part for part in self.parts if isinstance(part, Slot)]
        self.reads = frozenset().union(*(slot.compiled.reads for slot in slots))
        self.queues = frozenset().union(*(slot.compiled.queues for slot in slots))
        self.fixed: str | None = None if slots else "".join(map(str, self.parts))
        """The text, if there is nothing in it to be worked out."""

    async def text(self, line: Line, show: Show | None = None) -> str:
        """The whole text on this line, now, at most 4000 characters."""
        if self.fixed is not None:
            return self.fixed
        seen = await self._seen(line)
        texts = (part if isinstance(part, str) else _shown(part, line, seen, show) for part in self.parts)
        return "".join(texts)[:MAX_TEXT]

    async def value(self, line: Line) -> Value:
        """The value of the only slot, else the text; `yes`, `no` and numbers are no texts then."""
        if self.fixed is not None:
            return plain_value(self.fixed)
        match self.parts:
            case [Slot(compiled=only, format="")]:
                return only.formula(line, await self._seen(line))
        return await self.text(line)


class SecretTemplate(Template):
    """A template whose text goes nowhere but to one receiver: sensitive values may stand in it."""


def _shown(slot: Slot, line: Line, seen: Seen, show: Show | None) -> str:
    value = slot.compiled.formula(line, seen)
    return as_text(value) if show is None else show(value, slot.format)


def _parts(written: str) -> Iterator[str | Slot]:
    text, at = "", 0
    for found in _SLOT.finditer(written):
        text += written[at : found.start()]
        at = found.end()
        if found["alone"]:
            raise Misnamed(f"`{found['alone']}` has no counterpart", "a brace that is meant is written twice")
        if found["inside"] is None:
            text += found[0][0]
            continue
        if text:
            yield text
            text = ""
        yield _slot(found["inside"])
    text += written[at:]
    if text:
        yield text


def _slot(inside: str) -> Slot:
    parts = _INSIDE.fullmatch(inside)
    if parts is None or not parts["formula"].strip():
        raise Misnamed(f"`{{{inside}}}` has no name in it", "a brace that is meant is written twice")
    shown = " ".join((parts["format"] or "").split())
    if parts["format"] is not None and shown.partition(" ")[0] not in FORMATS:
        raise Misnamed(f"there is no format `{shown}`", nearest(shown, FORMATS))
    return Slot(compiled(parts["formula"].strip()), shown)


def written_in(value: object) -> Iterator[Expression | Template]:
    """Every expression and template in a step's fields, however deep."""
    match value:
        case Expression() | Template():
            yield value
        case BaseModel():
            for name in type(value).model_fields:
                yield from written_in(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from written_in(each)
        case list() | tuple():
            for each in value:
                yield from written_in(each)
