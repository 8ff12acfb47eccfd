"""A proxy on loopback between the application and PostgreSQL that cuts the line after a COMMIT.

The server has committed, and its reply is thrown away: what the client sees is a lost connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

COMMIT = b"COMMIT"
BLOCK = 65_536


class Cutter:
    """Lets everything through; ``cut_next``: the reply to the next COMMIT is lost."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.cut_next = threading.Event()
        self.cuts = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.open: list[socket.socket] = []

    def serve(self) -> None:
        """Accept connections until the proxy is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self.open += [client, server]
                cutting = threading.Event()
                for source, sink, asks in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, cutting), kwargs={"asks": asks}
                    ).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, cutting: threading.Event, *, asks: bool
    ) -> None:
        """Carry bytes one way; where the reply to a COMMIT comes back, cut both ends."""
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                if asks and COMMIT in data and self.cut_next.is_set():
                    self.cut_next.clear()
                    cutting.set()
                if not asks and cutting.is_set():
                    self.cuts += 1
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Stop listening and end what is open."""
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutter(address: str) -> Iterator[Cutter]:
    """Run a proxy in front of the server whose socket the address names."""
    folder = parse_qs(urlsplit(address).query)["host"][0]
    made = Cutter(f"{folder}/.s.PGSQL.5432")
    serving = threading.Thread(target=made.serve)
    serving.start()
    try:
        yield made
    finally:
        made.close()
        serving.join()
