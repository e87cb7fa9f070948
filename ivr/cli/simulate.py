"""`holdfast simulate` walks one call through a flow, `holdfast test` runs the tests of all flows."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import click
import msgspec

from calllog.printable import duration, escaped, printable_json
from ivr.cli import FINDINGS, OK, json_option
from ivr.cli.problems import as_dicts, as_text
from ivr.cli.terminal_caller import TerminalCaller, ToldCall
from ivr.flow.cases import moment, read_cases
from ivr.flow.check import BrokenCallflows
from ivr.flow.coverage import Branch, Coverage, coverage, taken
from ivr.flow.document import Problem
from ivr.flow.script import CALLER, MONDAY, Script
from ivr.flow.simulation import Company, CompanyLine, MakeLine, Outcome
from ivr.flow.simulation import simulate as simulate_call
from ivr.flow.trial import differences, run_case
from ivr.flow.wording import Misnamed, nearest
from ivr.flow.worst_case import WorstCase, worst_case
from ivr.settings import Settings

directory_option = click.option(
    "-d",
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Call flows to use instead of those of this installation.",
)
"""The option of every command that reads call flows without a server."""


def company_of(directory: Path | None) -> tuple[Path, Company]:
    """The checked call flows; prints what is wrong with them and exits 1."""
    place = directory or Settings().callflows
    if not place.is_dir():
        raise click.UsageError(f"there is no directory {place}")
    try:
        return place, Company.load(place)
    except BrokenCallflows as broken:
        click.echo(as_text(place, broken.problems), err=True)
        sys.exit(FINDINGS)


@click.command()
@click.argument("flow", metavar="FLOW")
@directory_option
@click.option("-l", "--language", help="Language of the call (default: that of the number, or en).")
@click.option("-p", "--press", multiple=True, metavar="STEP=KEYS", help="What he presses when STEP asks.")
@click.option(
    "--at", metavar="TIME", help="When the call comes: '2026-12-24 17:30' (default: a Monday, 9:30)."
)
@click.option(
    "--from", "caller", default=CALLER.number, metavar="NUMBER", help="Who calls; empty: he hides it."
)
@click.option("--hang-up", type=click.FloatRange(min=0), metavar="SECONDS", help="When he hangs up.")
@json_option
def simulate(
    flow: str,
    directory: Path | None,
    language: str | None,
    press: tuple[str, ...],
    at: str | None,
    caller: str,
    hang_up: float | None,
    as_json: bool,
) -> None:
    """Walk a call through FLOW (a flow, or a number called), without Asterisk.

    You are the caller: type the keys you press, Enter to let time pass, +5 for five seconds, h to hang up;
    and where you are asked you decide what agents and other servers do.
    With --press, --hang-up or --json nobody is asked: the whole call is printed.

    \b
    holdfast simulate main
    holdfast simulate main --press choose=1
    holdfast simulate main --press choose=9 --press choose=2
    holdfast simulate 100 --at '2026-12-24 17:30'

    \b
    Exit codes: 0 done · 1 the call flows have errors · 2 wrong usage
    """
    _, company = company_of(directory)
    known = company.callflows
    route = known.route(flow)
    name = flow if flow in known.flows else route.flow
    if flow not in known.flows and known.numbers.find(flow) is None:
        raise click.UsageError(
            escaped(f"there is no flow and no number `{flow}` ({nearest(flow, known.flows)})")
        )
    number = flow if flow not in known.flows else CALLER.called
    about = CALLER._replace(number=caller, called=number, campaign=known.route(number).campaign)
    script = Script(turns=_turns(press), gone_at=hang_up, about=about, came_at=_moment(at))
    alone = bool(press or hang_up is not None)
    line: MakeLine = CompanyLine if as_json else ToldCall if alone else TerminalCaller
    outcome = simulate_call(company, name, language or route.language, script, line)
    if as_json:
        click.echo(printable_json(msgspec.json.encode(_facts(outcome)).decode()))
    else:
        click.echo(_end(outcome))


def _moment(at: str | None) -> datetime:
    try:
        return MONDAY if at is None else moment(at)
    except Misnamed as error:
        raise click.UsageError(escaped(f"--at: {error} ({error.hint})")) from error


def _turns(press: Sequence[str]) -> dict[str, list[str]]:
    turns: dict[str, list[str]] = {}
    for each in press:
        step, sign, keys = each.partition("=")
        if not sign:
            raise click.UsageError(f"--press {each}: write STEP=KEYS, such as choose=1")
        turns.setdefault(step, []).append(keys)
    return turns


def _end(outcome: Outcome) -> str:
    who = "the caller hung up" if outcome.ended_by == "caller" else "the flow ended the call"
    return f"{outcome.lasted_s:8.1f} s  {who}: {outcome.verdict}"


def _facts(outcome: Outcome) -> dict[str, object]:
    line = outcome.line
    return {
        "verdict": outcome.verdict,
        "ended_by": outcome.ended_by,
        "lasted_s": outcome.lasted_s,
        "told": [{"at_s": at, "what": what} for at, what in line.told],
        "steps": [step._asdict() for step in line.passed],
        "variables": line.variables,
    }


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-k", "--only", default="", metavar="TEXT", help="Only tests with TEXT in their name.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what happens in each call.")
@json_option
def test(directory: Path | None, only: str, verbose: bool, as_json: bool) -> None:
    """Run the tests of the call flows in DIRECTORY: every file `tests/*.yaml`.

    Each test is one simulated call. Afterwards, for each flow: how many of its branches the tests have
    taken, which they have not, and how long a caller can be kept from a human at most.

    \b
    holdfast test
    holdfast test -v -k "nobody free"      why that one fails

    \b
    Exit codes: 0 all passed · 1 a test failed, or the call flows have errors · 2 no such directory
    """
    place, company = company_of(directory)
    chosen = [written for written in read_cases(place, []) if only in written.name]
    began = perf_counter()
    seen: set[Branch] = set()
    failed: list[Problem] = []
    passed = 0
    for written in chosen:
        if verbose and not as_json:
            click.echo(escaped(f"\n{written.file}: {written.name}"))
        outcome = run_case(company, written.case, ToldCall if verbose and not as_json else CompanyLine)
        seen |= taken(outcome)
        found = differences(written, outcome)
        passed += not found
        failed += found
    took_s = perf_counter() - began
    reports = [
        Report(coverage(flow, seen), _slowest(company, name))
        for name, flow in sorted(company.callflows.flows.items())
    ]
    if as_json:
        facts = {
            "directory": str(place),
            "ok": not failed,
            "tests": len(chosen),
            "passed": passed,
            "failures": as_dicts(place, failed),
            "flows": [report.facts() for report in reports],
        }
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
    else:
        lines = [as_text(place, failed)] if failed else []
        lines += [report.words() for report in reports]
        click.echo("\n".join([*lines, f"{passed} of {len(chosen)} tests passed in {took_s:.1f} s"]))
    sys.exit(FINDINGS if failed else OK)


class Report(NamedTuple):
    """What is said of one flow after the tests."""

    coverage: Coverage
    slowest: WorstCase | None

    def facts(self) -> dict[str, object]:
        worst = self.slowest
        return {
            "flow": self.coverage.flow,
            "coverage_percent": self.coverage.percent,
            "missed": [{"step": path, "outcome": outcome} for path, outcome in self.coverage.missed],
            "worst_until_human_s": worst.seconds if worst else None,
            "may_take_longer": worst.loops if worst else False,
        }

    def words(self) -> str:
        lines = [f"{self.coverage.flow}: {self.coverage.percent} % of branches, {self._human()}"]
        lines += [
            f"    not taken: {path}" + (f" → {way}" if way else "") for path, way in self.coverage.missed
        ]
        return "\n".join(lines)

    def _human(self) -> str:
        if self.slowest is None:
            return "no way to a human"
        again = ", longer if he goes round" if self.slowest.loops else ""
        return f"at most {duration(self.slowest.seconds * 1000)} until a human{again}"


def _slowest(company: Company, flow: str) -> WorstCase | None:
    """In the language in which it takes longest."""
    known = company.callflows
    routes = [known.default, *known.numbers.values()]
    languages = {route.language for route in routes if route.flow == flow} or {known.default.language}
    found = [worst_case(company, known.flows[flow], language) for language in sorted(languages)]
    return max((each for each in found if each), key=lambda each: each.seconds, default=None)
