"""Mail clients that keep a ledger: what the listener said 250 for, and nothing else."""

import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
import threading
from typing import Self

PLAIN = "Subject: {recipient}\r\n\r\nFrom a client that keeps a ledger.\r\n"


class Clients:
    """Several clients at once, each handing in one message after the other until `most` were accepted in all.

    A connection that breaks is opened again; a message without its 250 counts as not accepted and the
    client goes on with another recipient, so that a second copy can only come from the program. `pause`
    is what each client waits after a message, in seconds.
    """

    def __init__(self, address: tuple[str, int], *, most: int, count: int = 8, pause: float = 0.0) -> None:
        self._address = address
        self._most = most
        self._pause = pause
        self._lock = threading.Lock()
        self._number = 0
        self.accepted: list[str] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Hand in nothing more."""
        self._most = 0
        self.join()

    def join(self) -> None:
        """Wait until all is handed in."""
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _run(self) -> None:
        while len(self.accepted) < self._most:
            try:
                with smtplib.SMTP(*self._address, timeout=30) as connection:
                    self._hand_in_over(connection)
            except (OSError, smtplib.SMTPException):
                threading.Event().wait(0.05)

    def _hand_in_over(self, connection: smtplib.SMTP) -> None:
        while len(self.accepted) < self._most:
            with self._lock:
                self._number += 1
                recipient = f"{self._number}b@fabrikam.test"
            connection.sendmail("anna@contoso.test", [recipient], PLAIN.format(recipient=recipient))
            self.accepted.append(recipient)
            threading.Event().wait(self._pause)
