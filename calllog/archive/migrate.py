"""Brings the tables of an archive to the present schema, by the scripts in `migrations`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from calllog.archive.database import transaction
from calllog.errors import ArchiveAway


def migrate(connection: Connection) -> None:
    """In one transaction. Raises ArchiveAway if the archive is of a newer version than this program."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with transaction(connection):
        now = MigrationContext.configure(connection).get_current_revision()
        if now is not None and now not in known:
            raise ArchiveAway(
                f"the archive is of a newer version of Holdfast (its tables are `{now}`): install that one"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
