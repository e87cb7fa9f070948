"""Holds each worker's socket to Asterisk, so that it outlives the worker: `python -m ivr.holder PATH`.

Asterisk 22 may die of a socket that closes while it writes an event to it (docs/architecture.md), and a
killed process closes its sockets. So each worker lends a copy of its descriptor to this process, and its next
process gets the socket back, open, with all that Asterisk has written meanwhile.

    worker ── "hold hf-1" + descriptor ──► holder        once a second: a new holder soon knows all again
    worker ── "give hf-1" ──► holder ── descriptor ──►   while it has no socket

A socket that nobody has asked about for a while is let go: Asterisk then keeps the events itself.
"""

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

HELD_S = 20.0
"""So long a worker may take to come back: by then it has been started even on a machine that is very busy."""
LOOK_S = 1.0
ANSWER_S = 0.5
"""Either side waits for the other no longer; it takes a fraction of a millisecond."""
LONGEST = 64
"""Bytes of a request."""
MOST = 256
"""Sockets that are held at a time: more than a host has workers, and fewer than a process may have open."""


class Holder:
    """The sockets that are held, by the names of their workers."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, float]] = {}

    def serve(self, path: Path) -> None:
        """Answer requests for ever. Who may open the socket may have control of Asterisk: mode 0600."""
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            mask = os.umask(0o177)
            server.bind(str(path))
            os.umask(mask)
            server.listen(64)
            server.settimeout(LOOK_S)
            while True:
                with suppress(OSError):  # of one asker's connection, and the timeout of `accept`
                    asker, _ = server.accept()
                    with asker:
                        asker.settimeout(ANSWER_S)
                        self.answer(asker, time.monotonic())
                self.let_go(time.monotonic())

    def answer(self, asker: socket.socket, now: float) -> None:
        """Take one request, and do it. Raises OSError when the asker has gone."""
        request, descriptors, _, _ = socket.recv_fds(asker, LONGEST, 1)
        order, _, name = request.decode("utf-8", "replace").partition(" ")
        if order == "hold" and descriptors and (name in self._held or len(self._held) < MOST):
            self._drop(name)
            self._held[name] = (descriptors[0], now)
            asker.send(b"held")
            return
        for descriptor in descriptors:
            os.close(descriptor)
        if order == "give" and name in self._held:
            descriptor, _ = self._held[name]
            self._held[name] = (descriptor, now)  # until the worker has it held, it is for the next one
            socket.send_fds(asker, [b"given"], [descriptor])
        else:
            asker.send(b"none")

    def let_go(self, now: float) -> None:
        """Close what nobody has asked about for `HELD_S`: a worker that lives has a descriptor of its own."""
        for name in [name for name, (_, asked_at) in self._held.items() if now - asked_at > HELD_S]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        descriptor, _ = self._held.pop(name, (-1, 0.0))
        if descriptor >= 0:
            os.close(descriptor)


class Cloakroom:
    """The holder, as a worker sees it. Calls block, for `ANSWER_S` at most, and raise OSError without one."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = str(path)
        self._name = name

    def hold(self, descriptor: int) -> None:
        """Have this socket held; it takes the place of any that was."""
        with self._asked() as holder:
            socket.send_fds(holder, [f"hold {self._name}".encode()], [descriptor])
            if holder.recv(LONGEST) != b"held":
                raise OSError("the holder has not taken it")  # it died of something else at that moment

    def take(self) -> socket.socket | None:
        """The socket that the last process of this name had, if its other end has not closed it."""
        with self._asked() as holder:
            holder.send(f"give {self._name}".encode())
            _, descriptors, _, _ = socket.recv_fds(holder, LONGEST, 1)
        if not descriptors:
            return None
        try:
            held = socket.socket(fileno=descriptors[0])
        except OSError:  # it is no socket
            os.close(descriptors[0])
            return None
        if _open(held):
            return held
        held.close()
        return None

    def _asked(self) -> socket.socket:
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            holder.settimeout(ANSWER_S)
            holder.connect(self._path)
        except OSError:
            holder.close()
            raise
        return holder


def _open(held: socket.socket) -> bool:
    """Whether the other end still has the connection: there is something to read, or nothing yet."""
    try:
        return held.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    Holder().serve(Path(sys.argv[1]))
