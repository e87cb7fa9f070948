"""Kinds of columns of the archive: what they hold, in which unit, and what they hold before that is known."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, Text


def key(name: str, kind: type[Any] = Text) -> Column[Any]:
    """Part of what tells a row from all others."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def text(name: str, *, personal: bool = False) -> Column[str]:
    """A word; empty: none. `personal`: it says who somebody is."""
    return Column(name, Text, nullable=False, server_default="", info={"personal": personal})


def at(name: str) -> Column[int]:
    """An instant, ms since the epoch; NULL: not yet."""
    return Column(name, BigInteger)


def ms(name: str) -> Column[int]:
    """A duration in milliseconds."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def count(name: str) -> Column[int]:
    """How many."""
    return Column(name, Integer, nullable=False, server_default="0")


def flag(name: str) -> Column[bool]:
    """Whether."""
    return Column(name, Boolean, nullable=False, server_default="0")
