"""docs/operations.md is read by people who do not read code: it must have every setting."""

from pathlib import Path

from ivr.provision import Fallback
from ivr.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def test_every_setting_is_described() -> None:
    names = [*Settings.model_fields, *(f"fallback_{name}" for name in Fallback.model_fields)]
    missing = [name for name in names if f"| `{name}` |" not in PAGE]
    assert not missing
