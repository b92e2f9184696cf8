"""`python -m tidegate`, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    from tidegate.cli import main as cli

    sys.exit(cli())


if __name__ == "__main__":
    main()
