"""The door: ``python -m search_app`` and the console script ``search-app`` both come in here.

It reads no module before it has seen to interrupts: half of what a short command takes is the reading of modules.
"""

from __future__ import annotations

import signal
import sys


def run() -> int:
    """Run the command of this process and return its exit code.

    An interrupt while modules are read, or when the command is done, ends the process as the system does, with nothing
    printed; a shell sees 130, as it does where the command itself is interrupted. Where interrupts are ignored
    (``nohup``, a script's ``&``) they stay so.
    """
    heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import INTERRUPTED, main

    try:
        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return main()
        finally:
            if heeds:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
