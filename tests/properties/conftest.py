"""Properties that hold for any values: some in every run, always the same ones; many with --long."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FEW, MANY = 50, 1000

for name, n_examples in (("few", FEW), ("many", MANY)):
    settings.register_profile(
        name,
        max_examples=n_examples,
        deadline=None,
        derandomize=True,
        database=None,
        # Fixtures here are folders, which examples may share.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def pytest_configure(config):
    settings.load_profile("many" if config.getoption("--long") else "few")
