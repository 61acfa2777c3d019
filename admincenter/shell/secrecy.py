"""Which lines must not be remembered: those in which a secret may stand."""

import re
from collections.abc import Iterable

from admincenter.shell.cmdlet import Cmdlet

_OPTION = re.compile(r"-([A-Za-z]+)")


def holds_secret(line: str, catalogue: Iterable[type[Cmdlet]]) -> bool:
    """Tell whether a secret parameter, or the beginning of its name, stands anywhere in a line.

    Deliberately blind to grammar: a line that was mistyped holds the secret as well as a right one.
    """
    secret = {one.name.lower() for cmdlet in catalogue for one in cmdlet.declared() if one.secret}
    words = {word.lower() for word in _OPTION.findall(line)}
    return any(name.startswith(word) for word in words for name in secret)
