"""The one exception whose message is written for the person at the keyboard."""

import importlib
import os
from types import ModuleType


class UserError(ValueError):
    """Bad input. The message is one line: what was wrong and what to do about it.

    `srgan_tf.main` prints it without a traceback and exits with code 1.
    """


def reason(error: BaseException, length: int = 200) -> str:
    """The first line of what an exception says, in at most so many characters."""
    system = getattr(error, "errno", None)
    text = os.strerror(system) if isinstance(system, int) else str(error)
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0][:length]


def optional(module: str, extra: str) -> ModuleType:
    """Imports a module of a package that only some need.

    Raises:
        UserError: If it is not installed, naming the pip extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise UserError(
            f"This needs the package {package}: pip install 'srgan_tf[{extra}]'."
        ) from None
