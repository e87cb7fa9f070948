"""Which network addresses flows may reach: public ones, and those that the operator has listed.

Who may write a flow, or answer one with a redirection, must not get at what only this machine can reach: its
own services, its neighbours, the cloud's metadata. Judged is the address a connection is really made to.
"""

# ruff: noqa: N818  (an error is named by what is the matter: AddressRefused)

import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

NAT64 = IPv6Network("64:ff9b::/96")
"""Its last four bytes are an IPv4 address (RFC 6052)."""

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""What `getaddrinfo` gives: family, type, protocol, name, socket address."""


class AddressRefused(OSError):
    """The address is none that flows may reach."""


class Reach:
    """Makes the sockets of all HTTP requests, and refuses to make some."""

    def __init__(self, listed: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        """`listed`: networks that may be reached although they are not public."""
        self._listed = tuple(listed)

    def permits(self, address: str) -> bool:
        """Whether flows may reach this IP address."""
        found = _inner(ip_address(address.partition("%")[0]))
        if any(found in network for network in self._listed if network.version == found.version):
            return True
        return found.is_global and not found.is_multicast and not found.is_reserved

    def socket(self, info: AddressInfo) -> socket.socket:
        """A socket for one address of a name, as aiohttp asks for it right before it connects.

        Raises `AddressRefused`. No name is looked up after this, so that none can change its mind.
        """
        family, kind, protocol, _, where = info
        if not self.permits(where[0]):
            raise AddressRefused(errno.EACCES, f"flows may not reach {where[0]}")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one leads to, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
