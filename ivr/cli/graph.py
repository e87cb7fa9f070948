"""`holdfast graph`: a flow as a picture."""

import asyncio
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from calllog.errors import LogAway
from calllog.printable import escaped, printable_json
from calllog.stream import LogStream
from ivr.callflows import Callflows
from ivr.cli import AWAY, json_option
from ivr.cli.simulate import company_of, directory_option
from ivr.flow.picture import Traffic, arrows, graphviz, mermaid, summary, verb_of
from ivr.flow.step import Flow
from ivr.flow.wording import nearest
from ivr.settings import Settings
from ivr.traffic import traffic_of

DRAW_S = 60


@click.command()
@click.argument("flow", metavar="FLOW")
@directory_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Mermaid text instead of SVG.")
@click.option("--log", "with_log", is_flag=True, help="Draw in how many callers went which way.")
@json_option
def graph(
    flow: str, directory: Path | None, output: Path | None, as_mermaid: bool, with_log: bool, as_json: bool
) -> None:
    """Draw FLOW: its steps, and the outcomes that lead from one to the next.

    Writes SVG (drawn by Graphviz) or, with --mermaid, text for wikis and Markdown. With --log each arrow is
    as thick as the number of callers in the call log who took it, and each step tells how many hung up there.

    \b
    holdfast graph main -o main.svg
    holdfast graph main --log -o main.svg

    \b
    Exit codes: 0 done · 1 the call flows have errors · 2 no such flow
                3 Graphviz is not installed, or Redis is away
    """
    _, company = company_of(directory)
    flows = company.callflows.flows
    if flow not in flows:
        raise click.UsageError(escaped(f"there is no flow `{flow}` ({nearest(flow, flows)})"))
    traffic = _traffic(flows[flow], company.callflows) if with_log else None
    if as_json:
        facts = msgspec.json.encode(_facts(flows[flow], traffic)).decode()
        text = printable_json(facts) + "\n"
    else:
        text = mermaid(flows[flow], traffic) if as_mermaid else _svg(graphviz(flows[flow], traffic))
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _facts(flow: Flow, traffic: Traffic | None) -> dict[str, object]:
    """The picture as JSON: boxes and arrows, with the number of callers if the log was asked."""
    steps = [
        {
            "name": name,
            "verb": verb_of(step),
            "summary": summary(step),
            "left": traffic.left.get(name, 0) if traffic else None,
        }
        for name, step in flow.steps.items()
    ]
    ways = [
        {
            "from": way.start,
            "to": way.to,
            "outcomes": way.outcomes,
            "callers": traffic.callers(way) if traffic else None,
        }
        for way in arrows(flow)
    ]
    return {"flow": flow.name, "title": flow.title, "start": flow.start, "steps": steps, "arrows": ways}


def _svg(text: str) -> str:
    try:
        drawn = subprocess.run(
            ["dot", "-Tsvg"], input=text, capture_output=True, text=True, timeout=DRAW_S, check=True
        )
    except FileNotFoundError:
        click.echo(
            "holdfast: Graphviz is needed to draw (Debian: graphviz); --mermaid works without", err=True
        )
        sys.exit(AWAY)
    return drawn.stdout


def _traffic(flow: Flow, callflows: Callflows) -> Traffic:
    settings = Settings()

    async def read() -> Traffic:
        async with LogStream(settings.redis, settings.site) as stream:
            return await traffic_of(flow, callflows, stream)

    try:
        return asyncio.run(read())
    except LogAway as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)
