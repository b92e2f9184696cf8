"""The command line: parse, call a flow, print, exit. No logic lives here."""

from __future__ import annotations


def main() -> int:
    return 0
