"""Records the SIP messages that matter for the figures, straight from the loopback interface.

One tap for both systems: neither is asked when it did something, the wire is. The filter runs in the kernel
and lets only INVITE, BYE and final responses pass: a few per cent of a core at 160 calls a second.
"""

import ctypes
import socket
import struct
import threading
from typing import NamedTuple

_ETH_P_IP = 0x0800  # packet(7): tapping this one protocol shows each loopback packet once, on arrival
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_SNAP = 1400  # bytes kept of each packet; the headers that are read stand in the first few hundred
_BUFFER = 8 << 20
_POLL_S = 0.2  # how soon the tap notices that it shall stop

# Opcodes of classic BPF, named as in the kernel's networking/filter documentation.
_LDB, _LDH, _LDB_X, _LD_X, _X_IS_HEADER = 0x30, 0x28, 0x50, 0x40, 0xB1
_JEQ, _JSET, _RET = 0x15, 0x45, 0x06


class Datagram(NamedTuple):
    """One IP packet as the kernel saw it: `at_ns` since the epoch, its first bytes from the IP header on."""

    at_ns: int
    packet: bytes


def sip_filter() -> bytes:
    """The kernel's filter: UDP, first fragment, payload an INVITE, a BYE or a response of 200 and above."""
    word = struct.Struct("!4s")

    def of(text: bytes) -> int:
        return int.from_bytes(word.pack(text), "big")

    keep, drop = 11, 12
    lines = [
        (_LDB, 0, 0, 9),  # protocol
        (_JEQ, 0, drop - 2, 17),
        (_LDH, 0, 0, 6),  # fragment offset
        (_JSET, drop - 4, 0, 0x1FFF),
        (_X_IS_HEADER, 0, 0, 0),
        (_LD_X, 0, 0, 8),  # the first four bytes behind the UDP header
        (_JEQ, keep - 7, 0, of(b"INVI")),
        (_JEQ, keep - 8, 0, of(b"BYE ")),
        (_JEQ, 0, drop - 9, of(b"SIP/")),
        (_LDB_X, 0, 0, 16),  # the status' first digit
        (_JEQ, drop - 11, 0, ord("1")),
        (_RET, 0, 0, _SNAP),
        (_RET, 0, 0, 0),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


class Capture:
    """Taps one interface from `start` to `stop`. Needs the right to open packet sockets."""

    def __init__(self, interface: str = "lo") -> None:
        self.interface = interface
        self._seen: list[Datagram] = []
        self._stop = threading.Event()
        self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._thread = threading.Thread(target=self._record, name="tap", daemon=True)

    def start(self) -> None:
        """Opens the tap; every matching packet from now on is kept."""
        _attach(self._tap, sip_filter())
        self._tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._tap.settimeout(_POLL_S)
        self._tap.bind((self.interface, _ETH_P_IP))
        self._thread.start()

    def stop(self) -> tuple[list[Datagram], int]:
        """Closes the tap. Returns what was seen, and how many packets were lost because the tap was slow."""
        self._stop.set()
        self._thread.join()
        statistics = self._tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self._tap.close()
        return self._seen, int(struct.unpack("II", statistics)[1])

    def _record(self) -> None:
        room = socket.CMSG_SPACE(16)
        while True:
            try:
                packet, notes, _, _ = self._tap.recvmsg(_SNAP, room)
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            seconds, nanos = struct.unpack("ll", notes[0][2])
            self._seen.append(Datagram(seconds * 1_000_000_000 + nanos, packet))


def _attach(tap: socket.socket, program: bytes) -> None:
    memory = ctypes.create_string_buffer(program)
    description = struct.pack("HL", len(program) // 8, ctypes.addressof(memory))
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, description)
