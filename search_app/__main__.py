"""The door: ``python -m search_app`` and the console script ``search-app`` both come in here."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
