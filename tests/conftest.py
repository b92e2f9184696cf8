"""What holds for every test."""

import pytest
from hypothesis import settings

_LONG = {"e2e", "crash", "torture", "test_docs.py"}
"""Folders and files whose tests take minutes."""

# How long an example takes says something about the machine, and nothing about the code. The examples are the
# same everywhere, so that what fails fails for whoever looks; `--hypothesis-profile=explore` draws others.
settings.register_profile("explore", deadline=None)
settings.register_profile("tidegate", deadline=None, derandomize=True)
settings.load_profile("tidegate")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several workers begin with the long ones, so that none is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _LONG.isdisjoint(item.path.parts))
