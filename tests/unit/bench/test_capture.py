"""The kernel's filter lets pass what the figures need and nothing else: run here in a small BPF machine."""

import struct

import pytest

from bench.capture import sip_filter


def kept(packet: bytes) -> int:
    """Bytes of the packet the filter keeps; reads past the end drop it, as in the kernel."""
    lines = list(struct.iter_unpack("HBBI", sip_filter()))
    at = value = index = 0
    while True:
        code, then, otherwise, number = lines[at]
        at += 1
        match code:
            case 0x30 | 0x28 | 0x40 | 0x50:
                place = number + (index if code in (0x40, 0x50) else 0)
                size = {0x30: 1, 0x50: 1, 0x28: 2, 0x40: 4}[code]
                if place + size > len(packet):
                    return 0
                value = int.from_bytes(packet[place : place + size], "big")
            case 0xB1:
                index = (packet[number] & 0x0F) * 4
            case 0x15:
                at += then if value == number else otherwise
            case 0x45:
                at += then if value & number else otherwise
            case 0x06:
                return int(number)
            case _:
                raise AssertionError(f"opcode {code:#x}")


def udp(payload: bytes, words: int = 5, protocol: int = 17, fragment: int = 0) -> bytes:
    header = bytes([0x40 | words, 0, 0, 0, 0, 0]) + struct.pack("!H", fragment) + bytes([64, protocol])
    return header.ljust(words * 4, b"\0") + bytes(8) + payload


@pytest.mark.parametrize("payload", [b"INVITE sip:", b"BYE sip:x", b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy"])
@pytest.mark.parametrize("words", [5, 7])
def test_what_the_figures_need_passes(payload: bytes, words: int) -> None:
    assert kept(udp(payload, words)) > 1000


@pytest.mark.parametrize(
    "packet",
    [
        udp(b"SIP/2.0 180 Ringing"),
        udp(b"SIP/2.0 100 Trying"),
        udp(b"ACK sip:x"),
        udp(b"\x80\x00" + bytes(170)),
        udp(b"INV"),
        udp(b"INVITE sip:", protocol=6),
        udp(b"INVITE sip:", fragment=0x2001),
    ],
)
def test_all_else_is_dropped(packet: bytes) -> None:
    assert kept(packet) == 0


def test_a_first_fragment_passes() -> None:
    assert kept(udp(b"INVITE sip:", fragment=0x2000))
