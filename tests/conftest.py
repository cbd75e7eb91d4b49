"""What all tests share."""

from __future__ import annotations

import pytest
import torch

# Networks in tests are tiny: a second thread only waits for the first, and waits long on a busy machine.
torch.set_num_threads(1)


# scikit-learn's checks of the default model take most of a minute; small models are given the same ones.
LONG_CHECKS = "[GMVAEClassifier()-"


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run tests that take many minutes as well")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if LONG_CHECKS in item.name:
            item.add_marker(pytest.mark.long)
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes many minutes: make test-long"))
