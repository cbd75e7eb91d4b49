"""How many labels: closed forms against counting, recursion and simulation."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from labelwise import label_budget
from labelwise.errors import ParameterError
from labelwise.planning.budget import label_coverage

UNEQUAL = [0.03, 0.1, 0.2, 0.27, 0.4]


def covered_by_counting(n_labels: int, sizes: list[int], *, replacement: bool) -> float:
    """Inclusion and exclusion in whole numbers."""
    n_samples = sum(sizes)

    def choices(rest: int) -> int:
        return rest**n_labels if replacement else math.comb(rest, n_labels)

    total = 0
    for k in range(len(sizes) + 1):
        for missed in combinations(sizes, k):
            total += (-1) ** k * choices(n_samples - sum(missed))
    return float(Fraction(total, choices(n_samples)))


@pytest.mark.parametrize("n_labels", [1, 4, 5, 6, 8, 20, 50, 90, 99, 100])
def test_coverage_of_unequal_components_equals_counting(n_labels: int) -> None:
    sizes = [3, 10, 20, 27, 40]
    with_replacement = label_coverage(n_labels, weights=UNEQUAL).probability
    without = label_coverage(n_labels, n_samples=100, weights=UNEQUAL).probability
    assert with_replacement == pytest.approx(
        covered_by_counting(n_labels, sizes, replacement=True), rel=1e-10, abs=1e-13
    )
    assert without == pytest.approx(
        covered_by_counting(n_labels, sizes, replacement=False), rel=1e-10, abs=1e-13
    )


@pytest.mark.parametrize("n_labels", [100, 101, 150, 300, 757, 2000])
def test_coverage_of_equal_components_equals_the_occupancy_recursion(n_labels: int) -> None:
    n_components = 100
    occupied = np.zeros(n_components + 1)  # probability of each number of covered components
    occupied[0] = 1
    stay = np.arange(n_components + 1) / n_components
    for _ in range(n_labels):
        occupied = occupied * stay + np.concatenate([[0.0], (occupied * (1 - stay))[:-1]])
    found = label_coverage(n_labels, n_components=n_components)
    assert found.probability == pytest.approx(occupied[-1], rel=1e-9)
    expected_uncovered = (occupied * (n_components - np.arange(n_components + 1))).sum()
    assert found.n_uncovered == pytest.approx(expected_uncovered, rel=1e-9)
    assert found.mass_uncovered == pytest.approx(expected_uncovered / n_components, rel=1e-9)


@pytest.mark.parametrize("n_samples", [None, 300])
def test_coverage_agrees_with_simulation(n_samples: int | None) -> None:
    rng = np.random.default_rng(0)
    weights = np.array([30, 45, 60, 75, 90]) / 300
    n_labels, n_trials = 14, 20_000
    pool = np.repeat(np.arange(5), [30, 45, 60, 75, 90])
    uncovered = np.empty((n_trials, 5), dtype=bool)
    for trial in range(n_trials):
        if n_samples is None:
            drawn = rng.choice(5, n_labels, p=weights)
        else:
            drawn = pool[rng.choice(n_samples, n_labels, replace=False)]
        uncovered[trial] = np.bincount(drawn, minlength=5) == 0
    found = label_coverage(n_labels, n_samples=n_samples, weights=weights)
    tolerance = 5 / math.sqrt(n_trials)
    assert found.probability == pytest.approx((~uncovered).all(axis=1).mean(), abs=tolerance)
    assert found.n_uncovered == pytest.approx(uncovered.sum(axis=1).mean(), abs=tolerance)
    assert found.mass_uncovered == pytest.approx((uncovered @ weights).mean(), abs=tolerance)


def test_the_published_budget() -> None:
    budget = label_budget(n_samples=145_600, n_components=100, confidence=0.95)
    assert budget.chosen == 100
    assert budget.random_bound == 757
    assert budget.random == 754
    assert budget.chosen / 145_600 == pytest.approx(0.0007, abs=5e-5)
    assert budget.random_bound / 145_600 == pytest.approx(0.0052, abs=5e-5)
    assert budget.finite is not None
    assert budget.finite_bound is not None
    assert budget.finite <= budget.finite_bound <= budget.random_bound


def test_the_union_bound_of_equal_components_has_a_closed_form() -> None:
    for n_components, confidence in [(10, 0.5), (26, 0.9), (100, 0.999), (1000, 0.95)]:
        closed = math.log(n_components / (1 - confidence)) / -math.log1p(-1 / n_components)
        found = label_budget(n_components=n_components, confidence=confidence).random_bound
        assert found == math.ceil(closed)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.95, 0.9999])
@pytest.mark.parametrize("weights", [UNEQUAL, np.full(30, 1 / 30)])
def test_the_budget_is_the_least_that_reaches_the_confidence(weights: object, confidence: float) -> None:
    budget = label_budget(1000, weights=weights, confidence=confidence)
    for n_labels, n_samples in [(budget.random, None), (budget.finite, 1000)]:
        assert n_labels is not None
        assert label_coverage(n_labels, n_samples, weights=weights).probability >= confidence
        if n_labels > budget.chosen:
            assert label_coverage(n_labels - 1, n_samples, weights=weights).probability < confidence


def test_unequal_components_need_more_labels() -> None:
    equal = label_budget(10_000, n_components=5).random
    assert label_budget(10_000, weights=UNEQUAL).random > equal


def test_components_of_less_than_one_item_are_left_out_and_counted() -> None:
    budget = label_budget(1000, weights=[0.5, 0.4999, 0.0001])
    assert (budget.n_components, budget.n_ignored) == (2, 1)
    assert label_coverage(5, 1000, weights=[0.5, 0.4999, 0.0001]).n_ignored == 1


def test_one_component_needs_one_label() -> None:
    budget = label_budget(10, n_components=1)
    assert (budget.chosen, budget.random, budget.random_bound, budget.finite) == (1, 1, 1, 1)
    assert label_coverage(0, n_components=1).probability == 0


def test_a_pool_of_one_item_a_component_needs_all_labels() -> None:
    budget = label_budget(20, n_components=20, confidence=0.95)
    assert (budget.finite, budget.finite_bound) == (20, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": 1.0}, "confidence=1.0 must be a number between 0 and 1"),
        ({"n_components": 0}, "n_components=0"),
        ({"n_samples": 2.5}, "n_samples=2.5"),
        ({"n_samples": 5, "n_components": 10}, "not enough items"),
        ({"n_components": 3, "weights": [1, 2, 3]}, "not both"),
        ({"weights": [0.5, -0.5]}, "weights"),
        ({"weights": [0.0, 0.0]}, "not all be 0"),
        ({"weights": [np.nan]}, "weights"),
    ],
)
def test_bad_budgets_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        label_budget(**arguments)  # type: ignore[arg-type]


def test_more_labels_than_items_are_refused() -> None:
    with pytest.raises(ParameterError, match="n_labels=11"):
        label_coverage(11, n_samples=10, n_components=2)
