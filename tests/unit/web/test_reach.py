"""Which addresses flows may reach."""

from ipaddress import ip_network

import pytest

from ivr.reach import Reach

PUBLIC = ("8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8")
INNER = (
    *("127.0.0.1", "127.9.9.9", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
    ),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    assert Reach().permits(address)


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not(address: str) -> None:
    assert not Reach().permits(address)


def test_those_that_are_listed_are() -> None:
    reach = Reach([ip_network("10.1.2.0/30"), ip_network("fd12::/64")])
    assert [reach.permits(each) for each in ("10.1.2.3", "10.1.2.4", "fd12::1", "fd12:0:0:1::1")] == [
        *(True, False, True, False)
    ]
    assert reach.permits("::ffff:10.1.2.3"), "the same address, written otherwise"


def test_no_socket_is_made_for_an_inner_address() -> None:
    with pytest.raises(OSError, match=r"flows may not reach 10\.0\.0\.1"):
        Reach().socket((2, 1, 6, "", ("10.0.0.1", 80)))
    Reach().socket((2, 1, 6, "", ("8.8.8.8", 80))).close()
