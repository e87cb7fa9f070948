"""Who may import whom (design, section 1), read from the sources, so that no import escapes by being lazy."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import asterisk.agi
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ivr", "queues", "calllog")

LAYERS = {"ivr": {"ivr", "queues", "calllog"}, "queues": {"queues", "calllog"}, "calllog": {"calllog"}}

PURE = (
    "calllog.events",
    "calllog.vocabulary",
    "calllog.grammar",
    "calllog.durations",
    "calllog.facts",
    "calllog.facts_flow",
    "calllog.facts_queue",
    "calllog.facts_story",
    "calllog.agents",
    "calllog.audit",
    "calllog.balance",
    "calllog.queue_log",
    "calllog.scope",
    "calllog.turns",
    "calllog.routing",
    "calllog.regret",
    "calllog.printable",
    "calllog.words",
    "calllog.phases",
    "queues.models",
    "queues.keys",
    "queues.results",
    "calllog.today",
    "ivr.api.models",
    "ivr.api.routes",
    "ivr.asked_of_agents",
    "ivr.flow.line",
    "ivr.flow.step",
    "ivr.flow.run",
)
IO = {
    "aiohttp",
    "asyncio",
    "hiredis",
    "os",
    "pathlib",
    "redis",
    "rich",
    "socket",
    "subprocess",
    "uvloop",
    "yaml",
}

SLOW = {"duckdb", "pydantic", "pydantic_settings", "rich", "sqlalchemy", "yaml"}
"""Libraries that take long to be loaded."""

MAY_SPEAK = {
    "redis": ("queues.store", "queues.link", "calllog.stream", "ivr.checkpoint"),
    "hiredis": ("queues.store", "queues.link", "queues.wire"),
    "aiohttp": ("ivr.ari", "ivr.worker", "ivr.web", "ivr.api", "ivr.top.source"),
    "asterisk": ("ivr.agi.wire",),
}
"""Library → the modules (or packages) that may import it. `queues.link` and `queues.wire` lie below
`queues.store`; `ivr.worker`, a composition root, opens the port on which `ivr.ari` speaks."""


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[tuple[str, bool]]:
    """What a module imports, anywhere in it, as dotted names of modules; and whether when it is loaded."""
    tree = ast.parse(MODULES[name].read_text(), MODULES[name].name)
    lazy = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types_only(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative import"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in MODULES else node.module), node not in lazy


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def within(module: str, allowed: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def test_the_product_is_there() -> None:
    assert {"ivr", "queues", "calllog"} <= set(MODULES)
    assert set(PURE) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_layers(name: str) -> None:
    package = name.partition(".")[0]
    for target, _ in imports(name):
        top = target.partition(".")[0]
        assert top not in PACKAGES or top in LAYERS[package], f"{name} imports {target}"
        assert top not in ("tests", "bench"), f"{name} imports {target}"


@pytest.mark.parametrize("name", MODULES)
def test_each_wire_is_spoken_in_one_place(name: str) -> None:
    for target, _ in imports(name):
        top = target.partition(".")[0]
        assert within(name, MAY_SPEAK.get(top, (name,))), f"{name} imports {target}"


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_do_no_io(name: str) -> None:
    """Not even through another module of ours."""
    reached, todo = set(), [name]
    while todo:
        module = todo.pop()
        for target, _ in imports(module):
            assert target.partition(".")[0] not in IO, f"{name} reaches {target} by way of {module}"
            if target in MODULES and target not in reached:
                reached.add(target)
                todo.append(target)


def test_help_on_reports_waits_for_no_large_library() -> None:
    reached, todo = {"ivr.cli.report"}, ["ivr.cli.report"]
    while todo:
        module = todo.pop()
        for target, loading in imports(module):
            if loading:
                assert target.partition(".")[0] not in SLOW, f"{target} is loaded by way of {module}"
                if target in MODULES and target not in reached:
                    reached.add(target)
                    todo.append(target)


def test_no_cycles() -> None:
    """Of imports that run when a module is loaded, between modules; a package is not its parts."""
    graph = {
        name: {target for target, loading in imports(name) if loading and target in MODULES}
        for name in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" → ".join(cycle.args[1]))


def test_every_module_has_a_docstring() -> None:
    assert [
        name for name, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc"}
    assert [name for name in MODULES if name.rpartition(".")[2] in nothing] == []


def test_the_folder_asterisk_does_not_hide_pyst2() -> None:
    assert list((ROOT / "asterisk").rglob("*.py")) == []
    assert hasattr(asterisk.agi, "AGI")
    assert asterisk.agi.__file__ is not None
    assert ROOT / "asterisk" not in Path(asterisk.agi.__file__).parents
    assert str(ROOT) in sys.path, "pytest puts the repository on the path: the folder could hide the package"
