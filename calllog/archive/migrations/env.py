"""Alembic's way in: the scripts run on the connection, and in the transaction, that `migrate` gives them."""

from alembic import context

from calllog.archive.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
