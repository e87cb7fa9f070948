"""The verbs of the flow language: one file, one verb, found by its name. To add a verb, add a file."""

import sys
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from ivr.flow.step import Step


def verbs() -> Mapping[str, type[Step]]:
    """Every verb there is, by name. A file that does not define exactly one `Step` is a programming error."""
    return {module.name: _step(module.name) for module in iter_modules(__path__)}


def _step(verb: str) -> type[Step]:
    name = f"{__name__}.{verb}"
    module = sys.modules.get(name) or import_module(name)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Step) and value.__module__ == name
    ]
    if len(found) != 1:
        raise ImportError(f"{name} must define exactly one Step, it defines {len(found)}")
    return found[0]
