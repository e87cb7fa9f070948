"""`holdfast steps` and `holdfast schema`: what can be written in call flows, for people and for editors."""

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from ivr.cli import json_option
from ivr.flow.pages import facts, page, pages
from ivr.flow.schema import schemas
from ivr.flow.wording import nearest
from ivr.steps import verbs

write_option = click.option(
    "--write",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Write all of them into DIRECTORY instead, and delete what else is there.",
)


@click.command()
@click.argument("verb", required=False)
@write_option
@json_option
def steps(verb: str | None, write: Path | None, as_json: bool) -> None:
    """Explain the step VERB: its fields, its outcomes, an example. Without VERB: list all steps.

    \b
    Exit codes: 0 done · 2 no such verb
    """
    if write is not None:
        _write(write, pages())
    elif verb is not None and verb not in verbs():
        raise click.UsageError(f"there is no verb `{verb}` ({nearest(verb, verbs())})")
    elif as_json:
        told = {each: facts(each) for each in ([verb] if verb else verbs())}
        click.echo(msgspec.json.encode(told).decode())
    elif verb is None:
        click.echo(pages()["README.md"].partition("-->\n")[2])
    else:
        click.echo(page(verb).partition("-->\n")[2])


@click.command()
@click.argument("name", required=False)
@write_option
@json_option
def schema(name: str | None, write: Path | None, as_json: bool) -> None:
    """Print the JSON Schema NAME (flow, queues, agents, …), which is JSON as it is. Without NAME: list them.

    \b
    Exit codes: 0 done · 2 no such schema
    """
    texts = {
        file: msgspec.json.format(msgspec.json.encode(each)).decode() + "\n"
        for file, each in schemas().items()
    }
    if write is not None:
        _write(write, texts)
    elif name is None:
        names = [file.removesuffix(".json") for file in texts]
        click.echo(msgspec.json.encode({"schemas": names}).decode() if as_json else "\n".join(names))
    elif f"{name}.json" in texts:
        click.echo(texts[f"{name}.json"], nl=False)
    else:
        near = nearest(name, (each.removesuffix(".json") for each in texts))
        raise click.UsageError(f"there is no schema `{name}` ({near})")


def _write(directory: Path, texts: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.iterdir():
        if path.name not in texts and path.suffix in (".md", ".json"):
            path.unlink()
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
