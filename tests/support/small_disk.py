"""A file system of a few megabytes that a test can fill (tmpfs, so it needs root)."""

import os
import subprocess
from pathlib import Path
from typing import Self

CHUNK = b"\0" * 65_536


class SmallDisk:
    """Mounted on `directory` inside a `with` block."""

    def __init__(self, directory: Path, *, size_bytes: int) -> None:
        self.directory = directory
        self._size_bytes = size_bytes
        self._ballast = directory / "ballast"

    def __enter__(self) -> Self:
        self.directory.mkdir(exist_ok=True)
        options = f"size={self._size_bytes},mode=700"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.directory],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"a tmpfs cannot be mounted (it needs root): {done.stderr.strip()}"
        return self

    def __exit__(self, *_error: object) -> None:
        subprocess.run(["umount", "--lazy", self.directory], check=True)

    def fill(self, *, leaving_bytes: int = 0) -> None:
        """Use the disk up but for this rest."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while self.free_bytes > leaving_bytes:
                    ballast.write(CHUNK[: max(1, self.free_bytes - leaving_bytes)])
            except OSError:
                # Full: others may have been faster.
                return

    def clear(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink()

    @property
    def free_bytes(self) -> int:
        """What is left."""
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize
