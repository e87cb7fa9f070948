"""From the text of an expression to a function: Python's parser, a short list of what it may find."""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from keyword import kwlist
from typing import NamedTuple, TypeGuard

from ivr.flow.line import Figures, Line
from ivr.flow.naming import Misnamed, nearest
from ivr.flow.values import (
    MAX_TEXT,
    Number,
    Value,
    added,
    as_number,
    as_text,
    bounded,
    calculated,
    compared,
    equal,
    holds,
)

MAX_LENGTH = 500
"""Longest expression, in characters."""

FIGURES = Figures._fields

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

WORDS: Mapping[str, Value] = {"yes": True, "no": False, "true": True, "false": False, "none": None}

NAMES: Mapping[str, Callable[[Line], Value]] = {
    "caller.number": lambda line: line.about.number,
    "caller.name": lambda line: line.about.name,
    "called": lambda line: line.about.called,
    "campaign": lambda line: line.about.campaign,
    "language": lambda line: line.language,
    "now": lambda line: f"{line.now():%Y-%m-%d %H:%M}",
    "now.date": lambda line: f"{line.now():%Y-%m-%d}",
    "now.time": lambda line: f"{line.now():%H:%M}",
    "now.hour": lambda line: line.now().hour,
    "now.minute": lambda line: line.now().minute,
    "now.weekday": lambda line: WEEKDAYS[line.now().weekday()],
}
"""What can be known of any call, by its name in expressions."""


def _length(value: Value) -> Value:
    return len(as_text(value))


def _starts(value: Value, beginning: Value) -> Value:
    return value is not None and as_text(value).startswith(as_text(beginning))


def _round(value: Value) -> Value:
    number = as_number(value)
    return None if number is None else round(number)


FUNCTIONS: Mapping[str, tuple[int, Callable[..., Value]]] = {
    "length": (1, _length),
    "number": (1, as_number),
    "round": (1, _round),
    "starts": (2, _starts),
}
"""Name → how many values it takes, and what it does."""

RESERVED = frozenset(
    {*WORDS, *FUNCTIONS, *kwlist, *(name.partition(".")[0] for name in NAMES), "queue", "vars"}
)
"""Words that cannot be variables."""

Seen = Mapping[str, Figures | None]
"""Queue → its figures at this moment; None: not known."""
Formula = Callable[[Line, Seen], Value]


class Compiled(NamedTuple):
    """An expression ready to be worked out."""

    formula: Formula
    reads: frozenset[str]
    """Names of the variables in it."""
    queues: frozenset[str]
    """Names of the queues in it."""


_QUEUE = re.compile(r"(\"[^\"]*\"|'[^']*')|\bqueue\.([a-z0-9][a-z0-9_-]*)\.")


def compiled(text: str) -> Compiled:
    """Read one expression. Raises `Misnamed`."""
    if len(text) > MAX_LENGTH:
        raise Misnamed(f"an expression has at most {MAX_LENGTH} characters, this has {len(text)}")
    # A queue's name may hold a dash or begin with a digit, what Python would not take for one name.
    plain = _QUEUE.sub(lambda found: found[1] or f'queue["{found[2]}"].', text)
    compiler = _Compiler(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(plain.strip(), mode="eval")
        formula = compiler.expression(tree.body)
    except Misnamed:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning) as error:
        hint = "to compare write `==`" if re.search(r"[^=!<>]=[^=]", text) else ""
        raise Misnamed(f"`{text}` cannot be understood", hint) from error
    return Compiled(formula, frozenset(compiler.reads), frozenset(compiler.queues))


def _modulo(left: Number, right: Number) -> Number:
    return left % right


_CALCULATED: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: _modulo,
}

_COMPARED: Mapping[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: equal,
    ast.NotEq: lambda left, right: not equal(left, right),
    ast.Lt: lambda left, right: compared(left, right) == -1,
    ast.LtE: lambda left, right: compared(left, right) in (-1, 0),
    ast.Gt: lambda left, right: compared(left, right) == 1,
    ast.GtE: lambda left, right: compared(left, right) in (0, 1),
}


class _Compiler:
    """One expression; what it names is gathered on the way."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.reads: set[str] = set()
        self.queues: set[str] = set()

    def expression(self, node: ast.expr) -> Formula:
        match node:
            case ast.Constant(value=value) if _is_value(value):
                return _constant(value)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BoolOp(op=op, values=values):
                return _all_or_any(isinstance(op, ast.And), [self.expression(each) for each in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.expression(operand)
                return lambda line, seen: not holds(inner(line, seen))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _of_two(lambda right: calculated(operator.sub, 0, right), [self.expression(operand)])
            case ast.BinOp(op=op, left=left, right=right):
                return self._calculation(op, left, right)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]):
                return self._function(name, given)
        raise Misnamed(f"`{ast.unparse(node)[:60]}` cannot be used in an expression")

    def _calculation(self, op: ast.operator, left: ast.expr, right: ast.expr) -> Formula:
        parts = [self.expression(left), self.expression(right)]
        if isinstance(op, ast.Add):
            return _of_two(added, parts)
        how = _CALCULATED.get(type(op))
        if how is None:
            raise Misnamed(f"`{self._text}` cannot be calculated", "use + - * / %")
        return _of_two(lambda first, second: calculated(how, first, second), parts)

    def _comparison(self, node: ast.Compare) -> Formula:
        sides = [node.left, *node.comparators]
        tests = [
            self._test(op, left, right)
            for op, left, right in zip(node.ops, sides, node.comparators, strict=False)
        ]
        return tests[0] if len(tests) == 1 else _all_or_any(True, tests)

    def _test(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Formula:
        if isinstance(op, ast.In | ast.NotIn):
            wanted = isinstance(op, ast.In)
            if not isinstance(right, ast.List | ast.Tuple):
                parts = [self.expression(left), self.expression(right)]
                return _of_two(lambda part, whole: (as_text(part) in as_text(whole)) == wanted, parts)
            member, listed = self.expression(left), [self.expression(each) for each in right.elts]
            return lambda line, seen: _among(member(line, seen), (f(line, seen) for f in listed)) == wanted
        how = _COMPARED.get(type(op))
        if how is None:
            raise Misnamed(f"`{self._text}` cannot be compared", "use == != < <= > >= or in")
        return _of_two(how, [self.expression(left), self.expression(right)])

    def _function(self, name: str, given: list[ast.expr]) -> Formula:
        if name not in FUNCTIONS:
            raise Misnamed(f"there is no function `{name}`", nearest(name, FUNCTIONS))
        count, how = FUNCTIONS[name]
        if len(given) != count:
            raise Misnamed(f"`{name}` takes {count} value{'s' * (count > 1)}, not {len(given)}")
        return _of_two(how, [self.expression(each) for each in given])

    def _name(self, node: ast.Name | ast.Attribute) -> Formula:
        match node:
            case ast.Attribute(value=ast.Subscript(ast.Name("queue"), ast.Constant(str(queue))), attr=figure):
                return self._figure(queue, figure)
            case ast.Attribute(value=ast.Name("vars"), attr=name):
                return self._variable(name)
        name = ast.unparse(node)
        if name in NAMES:
            known = NAMES[name]
            return lambda line, _: known(line)
        if name in WORDS:
            return _constant(WORDS[name])
        if isinstance(node, ast.Name) and name not in RESERVED:
            return self._variable(name)
        if name.partition(".")[0] == "queue":
            raise Misnamed(f"`{name}` is no figure of a queue", "write `queue.NAME.waiting`")
        raise Misnamed(f"there is no name `{name}`", nearest(name, NAMES))

    def _figure(self, queue: str, figure: str) -> Formula:
        if figure not in FIGURES:
            raise Misnamed(f"a queue has no figure `{figure}`", nearest(figure, FIGURES))
        self.queues.add(queue)
        place = FIGURES.index(figure)
        return lambda _, seen: None if (figures := seen[queue]) is None else figures[place]

    def _variable(self, name: str) -> Formula:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or name in RESERVED:
            raise Misnamed(f"there is no name `{name}`", "a variable has a-z, 0-9 and _")
        self.reads.add(name)

        def read(line: Line, _: Seen) -> Value:
            value = line.variables.get(name)
            return line.secrets.get(name) if value is None else value

        return read


def _is_value(value: object) -> TypeGuard[Value]:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return isinstance(value, int | float) and not isinstance(value, bool) and bounded(value) is not None


def _constant(value: Value) -> Formula:
    return lambda *_: value


def _all_or_any(every: bool, parts: list[Formula]) -> Formula:
    """`and`, `or`: the value that decides, as in `name or "friend"`."""

    def value(line: Line, seen: Seen) -> Value:
        for part in parts:
            found = part(line, seen)
            if holds(found) != every:
                return found
        return found

    return value


def _of_two(how: Callable[..., Value], parts: list[Formula]) -> Formula:
    """What `how` makes of the values of one or two parts."""
    if len(parts) == 1:
        only = parts[0]
        return lambda line, seen: how(only(line, seen))
    first, second = parts
    return lambda line, seen: how(first(line, seen), second(line, seen))


def _among(member: Value, values: Iterable[Value]) -> bool:
    return any(equal(member, each) for each in values)
