"""`python -m packhouse_cli` is `packhouse`; the demo starts its processes this way."""

from __future__ import annotations

import sys

from packhouse_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
