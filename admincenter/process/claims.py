"""Makes sure that nobody else uses what this server needs: its data directory and its ports."""

import errno
import fcntl
import os
import socket
from contextlib import closing
from pathlib import Path

from admincenter.bootstrap import WrongSettingError, host_and_port


def claim_data_directory(data_dir: Path) -> int:
    """Lock the data directory for as long as this process lives; returns the descriptor of the lock.

    Children do not inherit it. WrongSettingError if another process holds it.
    """
    lock = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise WrongSettingError(
            f"the program already runs on the data directory {data_dir} (process {holder}); "
            "stop it, or set ADMINCENTER_DATA_DIR to another directory",
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode("ascii"), 0)
    return lock


def check_address_free(value: str, *, setting: str) -> None:
    """Bind `host:port` for a moment; WrongSettingError says why it cannot be had."""
    host, port = host_and_port(value, setting=setting)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise WrongSettingError(f"{setting}={value}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    reasons = {
        errno.EADDRINUSE: "another program uses this port; stop it or choose another port",
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EACCES: "this user may not use this port; choose one above 1023",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
