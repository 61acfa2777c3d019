"""Runs at the start of every Python process that has this folder on its PYTHONPATH.

A process that prepares the content of a message with the line `X-Failpoint: kill` for the wire dies of
SIGKILL at this place, as it would of the memory killer.
"""

import os
import signal
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder

MODULE = "transport.smtp.content"


class _Armed(Loader):
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        blocks = module.blocks

        def deadly(chunks):
            chunks = tuple(chunks)
            if any(b"\nX-Failpoint: kill" in chunk for chunk in chunks):
                os.kill(os.getpid(), signal.SIGKILL)
            return blocks(chunks)

        module.blocks = deadly


class _Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        del target
        if name != MODULE:
            return None
        spec = PathFinder.find_spec(name, path)
        spec.loader = _Armed(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
