"""A student that continues from an earlier one after a few more labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwise.errors import DataError, LabelError
from labelwise.labels import UNLABELED
from labelwise.randomness import torch_generator
from labelwise.student import Student
from labelwise.student.continuing import grow
from labelwise.student.network import build_network
from student.conftest import correct, labels_for, quick


@pytest.fixture
def more(blobs):
    """Ten more labels."""
    return labels_for(blobs.truth, 30)


def test_it_begins_with_the_earlier_network(blobs, taught, more):
    def far(student):
        """How far a step or two carried the weights from those of the earlier student."""
        with torch.no_grad():
            return float((student.network_.head.weight - taught.network_.head.weight).norm())

    continued = quick(n_steps=1).fit(blobs.X, more, blobs.answers, start=taught)
    anew = quick(n_steps=1).fit(blobs.X, more, blobs.answers)
    assert 0 < far(continued) < 0.1 * far(anew)
    hidden = more == UNLABELED
    assert correct(taught.answers_[hidden], blobs.truth[hidden]) > 0.9
    assert correct(continued.answers_[hidden], blobs.truth[hidden]) > 0.9
    np.testing.assert_array_equal(continued.answers_[~hidden], np.eye(3)[blobs.truth[~hidden]])


def test_images_continue_too(images, taught_images):
    y = labels_for(images.truth, 30)
    continued = quick(n_steps=2).fit(images.X, y, images.answers, start=taught_images)
    assert correct(continued.answers_, images.truth) >= correct(taught_images.answers_, images.truth) - 0.03


def test_fewer_rounds_and_steps_suffice(blobs, taught, more):
    def n_events(**options):
        events = []
        quick(max_rounds=5, n_steps=60).fit(blobs.X, more, blobs.answers, listen=events.append, **options)
        return len(events)

    assert n_events(start=taught) < n_events()


def test_fractions_rise_from_0_to_1(blobs, taught, more):
    events = []
    quick().fit(blobs.X, more, blobs.answers, start=taught, listen=events.append)
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1], fractions.count(1)) == (0, 1, 1)


def test_the_same_number_gives_the_same_bits(blobs, taught, more):
    first, same = (quick().fit(blobs.X, more, blobs.answers, start=taught) for _ in range(2))
    assert first.answers_.tobytes() == same.answers_.tobytes()


def test_a_loaded_student_serves_as_well(blobs, taught, more, tmp_path):
    taught.save(tmp_path / "s")
    loaded = Student.load(tmp_path / "s", device="cpu")
    continued = [
        quick().fit(blobs.X, more, blobs.answers, start=start).answers_ for start in (taught, loaded)
    ]
    np.testing.assert_array_equal(*continued)


def test_a_new_class_gets_an_answer_of_its_own(blobs):
    two = np.where(blobs.truth[:30] == 2, UNLABELED, blobs.truth[:30])
    y = np.full(len(blobs.y), UNLABELED)
    y[:30] = two
    answers = np.where(blobs.answers[:, :2].sum(1, keepdims=True) > 0.5, blobs.answers[:, :2], 0.5)
    start = quick().fit(blobs.X, y, answers / answers.sum(1, keepdims=True))
    assert start.classes_.tolist() == [0, 1]
    y = labels_for(blobs.truth, 40)
    continued = quick(n_steps=60).fit(blobs.X, y, blobs.answers, start=start)
    assert continued.classes_.tolist() == [0, 1, 2]
    assert correct(continued.answers_, blobs.truth) > 0.9
    assert start.classes_.tolist() == [0, 1]


def test_heads_grow_and_lose_classes_by_name():
    class Earlier:
        network_ = build_network((6,), 3, "bernoulli", torch_generator(1))
        classes_ = np.array(["auk", "gull", "tern"])

    network = build_network((6,), 3, "bernoulli", torch_generator(2))
    fresh = network.head.weight.clone()
    grow(network, np.array(["gull", "owl", "tern"]), Earlier)
    old = Earlier.network_.head
    for attribute in ("weight", "bias"):
        assert torch.equal(getattr(network.head, attribute)[[0, 2]], getattr(old, attribute)[[1, 2]])
    assert torch.equal(network.head.weight[1], fresh[1])
    own, theirs = network.layers.state_dict(), Earlier.network_.layers.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in theirs)


def test_a_student_of_other_items_is_refused(blobs, taught, images):
    with pytest.raises(DataError, match=r"^start learned items of shape \(10,\) .*\(10, 10\)"):
        quick().fit(images.X, images.y, start=taught)
    with pytest.raises(DataError, match=r"^start learned items of shape \(10,\) .*\(9,\)"):
        quick().fit(blobs.X[:, :9], blobs.y, start=taught)


def test_a_student_of_other_classes_is_refused(blobs, taught):
    with pytest.raises(LabelError, match=r"^start knows the classes 0, 1, 2, none of which"):
        quick().fit(blobs.X, np.where(blobs.y == UNLABELED, UNLABELED, blobs.y + 10), start=taught)
