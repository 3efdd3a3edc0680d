"""Slow tests are run by name only: pytest -m slow."""

import pytest


def pytest_collection_modifyitems(config, items):
    if "slow" not in config.option.markexpr:
        skip = pytest.mark.skip(reason="takes minutes; pytest -m slow runs it")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)
