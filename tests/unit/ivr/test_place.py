"""A place survives being written on a channel; anything else there is no place."""

import pytest

from ivr.place import Place


def test_a_place_reads_as_it_was_written() -> None:
    place = Place("sales", 1795312044123, "main/sales")
    assert Place.read(place.write()) == place


@pytest.mark.parametrize(
    "mark", ["", "sales", "sales,", "sales,now,main/sales", ",,", "sales,1795312044123,"]
)
def test_anything_else_is_no_place(mark: str) -> None:
    assert Place.read(mark) is None
