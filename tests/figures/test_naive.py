"""The naive twin shares nothing with what it is compared with."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TWIN = sorted(HERE.glob("naive*.py"))
MADE = [HERE / name for name in ("days.py", "callers.py", "talks.py", "stream.py", "worked.py")]
PLAIN = {
    "collections",
    "dataclasses",
    "datetime",
    "functools",
    "itertools",
    "json",
    "math",
    "random",
    "re",
    "typing",
    "zoneinfo",
}
"""Of Python itself; besides these only each other."""


def imported(path: Path) -> set[str]:
    """Everything a file imports, wherever in it; relative imports and `import_module` too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            assert name not in ("__import__", "import_module", "exec", "eval"), path
    return found


@pytest.mark.parametrize("path", TWIN + MADE, ids=lambda path: str(path.stem))
def test_it_shares_no_code_with_the_call_log(path: Path) -> None:
    allowed = {f"tests.figures.{other.stem}" for other in (TWIN if path in TWIN else MADE)} | PLAIN
    assert imported(path) - allowed == set()


def test_it_is_all_there() -> None:
    assert {path.stem for path in TWIN} >= {"naive", "naive_queues", "naive_people", "naive_answers"}
