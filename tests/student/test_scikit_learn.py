"""Students as classifiers of scikit-learn: their checks, their tools, and learning from labels alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DataError, LabelError
from labelwise.graph.principal import PrincipalComponents
from labelwise.labels import UNLABELED
from labelwise.student import LinearStudent, Student
from student.conftest import bars, quick

# The one table of checks that are expected to fail, with the reason; a check that passes again fails here.
EXPECTED_FAILURES = {
    "check_classifiers_classes": "has -1 as one of two classes, but here -1 marks an item without a label",
}


@parametrize_with_checks(
    [
        Student(max_rounds=2, n_steps=8, batch_size=32, device="cpu", random_state=0),
        LinearStudent(random_state=0),
    ],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


class TestWithoutATeacher:
    def test_the_teacher_is_poisson_learning_on_the_items(self, blobs):
        points = PrincipalComponents().fit_transform(blobs.X)
        encoding = Encoding(np.ones((len(points), 1)), features=points)
        answers = PoissonDecoder(on="features").fit(encoding, blobs.y).predict_proba(encoding)
        expected = quick().fit(blobs.X, blobs.y, answers)
        found = quick().fit(blobs.X, blobs.y)
        np.testing.assert_array_equal(found.answers_, expected.answers_)
        np.testing.assert_array_equal(found.predict_proba(blobs.X), expected.predict_proba(blobs.X))

    def test_a_few_labels_teach_a_table(self, blobs):
        student = quick().fit(blobs.X, blobs.y)
        hidden = blobs.y == UNLABELED
        assert student.score(blobs.X[hidden], blobs.truth[hidden]) > 0.9

    def test_pixels_are_not_standardised_for_the_teacher(self, images, monkeypatch):
        seen = []
        real = PrincipalComponents.fit

        def fit(self, X, y=None, *, is_table=None):
            seen.append(is_table)
            return real(self, X, y, is_table=is_table)

        monkeypatch.setattr(PrincipalComponents, "fit", fit)
        quick(n_steps=2).fit(images.X, images.y)
        quick(n_steps=2).fit(images.X.reshape(len(images.X), -1).astype(np.float32), images.y)
        assert seen == [False, True]

    def test_a_few_labels_teach_images(self):
        X, truth = bars(160)
        y = np.where(np.arange(160) < 60, truth, UNLABELED)
        student = quick().fit(X, y)
        assert student.score(X[60:], truth[60:]) > 0.7

    def test_texts(self, blobs):
        names = np.array(["auk", "gull", "tern"])
        y = np.array([names[k] if k != UNLABELED else UNLABELED for k in blobs.y], dtype=object)
        student = quick().fit(blobs.X, y)
        assert student.classes_.tolist() == names.tolist()
        assert student.score(blobs.X, names[blobs.truth]) > 0.9

    def test_a_class_without_a_label(self, blobs):
        student = quick(n_steps=2).fit(blobs.X, blobs.y, classes=[0, 1, 2, 7])
        assert student.classes_.tolist() == [0, 1, 2, 7]
        assert 7 not in student.predict(blobs.X)

    def test_a_teachers_answers_may_be_given_by_name(self, blobs, taught):
        student = quick().fit(blobs.X, blobs.y, answers=blobs.answers)
        np.testing.assert_array_equal(student.answers_, taught.answers_)

    def test_faults_are_told(self, blobs):
        with pytest.raises(LabelError, match="requires y to be passed"):
            quick().fit(blobs.X, None)
        with pytest.raises(LabelError, match="none of the 240 items has a label"):
            quick().fit(blobs.X, np.full(240, UNLABELED))
        with pytest.raises(LabelError, match="more than one class"):
            quick().fit(blobs.X, np.zeros(240))
        with pytest.raises(DataError, match="answers have shape"):
            quick().fit(blobs.X, blobs.y, blobs.answers[:9])


class TestTools:
    def test_it_is_a_classifier_with_a_score(self, blobs, taught):
        assert is_classifier(taught)
        assert taught.score(blobs.X, blobs.truth) == np.mean(taught.predict(blobs.X) == blobs.truth)

    def test_a_copy_is_a_template(self, taught):
        copy = clone(taught)
        assert copy.get_params() == taught.get_params()
        assert not hasattr(copy, "network_")

    def test_cross_validation_in_a_pipeline_of_frames(self, blobs):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(blobs.X, columns=[f"c{k}" for k in range(10)])
        pipeline = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas")
        assert cross_val_score(pipeline, frame, blobs.truth, cv=2).min() > 0.9
        assert pipeline.fit(frame, blobs.y)[-1].feature_names_in_.tolist() == list(frame.columns)

    def test_a_grid_search_finds_what_helps(self, blobs):
        grid = {"n_steps": [1, 30], "learning_rate": [4e-3]}
        search = GridSearchCV(quick(), grid, cv=2, scoring="neg_log_loss").fit(blobs.X, blobs.truth)
        assert search.best_params_["n_steps"] == 30
        assert search.best_estimator_.score(blobs.X, blobs.truth) > 0.9

    def test_a_calibrator_takes_it(self, blobs):
        calibrated = CalibratedClassifierCV(quick(n_steps=10), cv=2).fit(blobs.X, blobs.truth)
        assert calibrated.score(blobs.X, blobs.truth) > 0.9
