"""scikit-learn's own checks of classifiers, on decoders behind a mixture that turns their data into rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
    is_classifier,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from decoding.conftest import classes_of, lying_at, posteriors
from labelwise.decoding import DECODERS, AutoDecoder, HardDecoder, PoissonDecoder, SoftDecoder

# Labels of scikit-learn's data are drawn at random here and there, and a decoder may say that they look it.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")


class Responsibilities(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Any table into rows of probabilities: how near each item is to each of at most eight centres."""

    def fit(self, X, y=None):
        """Place the centres."""
        X = validate_data(self, X, dtype=np.float64)
        self.kmeans_ = KMeans(min(8, len(np.unique(X, axis=0))), n_init=1, random_state=0).fit(X)
        self._n_features_out = self.kmeans_.n_clusters
        return self

    def transform(self, X):
        """Softmax of the negative distances."""
        check_is_fitted(self)
        return softmax(-self.kmeans_.transform(validate_data(self, X, dtype=np.float64, reset=False)), axis=1)


class OnAnyTable(Pipeline):
    """Responsibilities and a decoder."""


# The one table of checks that are expected to fail, with the reason; a check that passes again fails here.
EXPECTED_FAILURES = {
    "check_classifiers_classes": "has -1 as one of two classes, but here -1 marks an item without a label",
    "check_dont_overwrite_parameters": "no pipeline passes: it fits its steps in place",
    "check_estimators_overwrite_params": "no pipeline passes: it fits its steps in place",
}


@parametrize_with_checks(
    [OnAnyTable([("rows", Responsibilities()), ("decoder", kind())]) for kind in DECODERS.values()],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def case():
    """Posteriors and the classes of all items."""
    Q = posteriors(120)
    return Q, classes_of(Q)


class TestClassifier:
    def test_it_is_one_and_has_a_score(self, decoder, case):
        Q, truth = case
        assert is_classifier(decoder)
        decoder.fit(Q, truth)
        assert decoder.score(Q, truth) == np.mean(decoder.predict(Q) == truth)
        assert decoder.score(Q, truth) > 0.8

    def test_a_column_of_labels_is_flattened_with_a_warning(self, decoder, case):
        Q, truth = case
        expected = clone(decoder).fit(Q, truth).predict_proba(Q)
        with pytest.warns(UserWarning, match="A column-vector y was passed"):
            decoder.fit(Q, truth[:, None])
        np.testing.assert_array_equal(decoder.predict_proba(Q), expected)

    def test_measurements_are_no_labels(self, decoder, case):
        Q, _ = case
        with pytest.raises(ValueError, match=r"^Unknown label type: continuous, .*row 1, .*0\.5"):
            decoder.fit(Q, np.arange(len(Q)) / 2)


class TestTools:
    def test_cross_validation_of_rows(self, decoder, case):
        scores = cross_val_score(decoder, *case, cv=3)
        assert scores.shape == (3,)
        assert scores.min() > 0.7

    @pytest.mark.parametrize(
        "decoder", [PoissonDecoder(), PoissonDecoder(on="features"), AutoDecoder(), SoftDecoder()]
    )
    def test_cross_validation_of_an_encoding(self, decoder, case):
        truth = case[1]
        points = 9 * np.eye(3)[truth] + np.random.default_rng(0).standard_normal((120, 3))
        scores = cross_val_score(decoder, lying_at(points, points), truth, cv=3)
        expected = 1 if decoder.needs else 1 / 3  # posteriors say nothing here
        assert scores.tolist() == pytest.approx([expected] * 3, abs=0 if decoder.needs else 0.1)

    def test_a_grid_search_finds_what_helps(self):
        # Components 0 and 1 are of one class and share items, 2 and 3 of the other; 1 and 3 are only asked.
        Q = np.kron(np.eye(2), np.tile([[0.6, 0.4], [0.4, 0.6]], (10, 1)))
        truth = np.repeat([0, 1], 20)
        split = [(np.arange(0, 40, 2), np.arange(1, 40, 2))]
        search = GridSearchCV(HardDecoder(), {"unnamed": ["prior", "nearest"]}, cv=split).fit(Q, truth)
        assert search.cv_results_["mean_test_score"].tolist() == [0.5, 1]
        assert search.best_estimator_.unnamed == "nearest"
        assert search.predict(Q).tolist() == truth.tolist()

    def test_a_pipeline_sets_parameters_and_output(self, case):
        pandas = pytest.importorskip("pandas")
        Q, truth = case
        pipeline = OnAnyTable([("rows", Responsibilities()), ("decoder", HardDecoder())])
        pipeline.set_params(decoder__unnamed="prior")
        frame = pandas.DataFrame(Q, columns=[f"c{k}" for k in range(Q.shape[1])])
        expected = clone(pipeline).fit(frame, truth).predict_proba(frame)
        pipeline.set_output(transform="pandas").fit(frame, truth)
        assert list(pipeline[:-1].transform(frame).columns) == [f"responsibilities{k}" for k in range(8)]
        assert pipeline.named_steps["decoder"].unnamed == "prior"
        np.testing.assert_array_equal(pipeline.predict_proba(frame), expected)

    def test_a_frame_of_probabilities_serves_as_an_array_does(self, decoder, case):
        pandas = pytest.importorskip("pandas")
        Q, truth = case
        expected = clone(decoder).fit(Q, truth).predict_proba(Q)
        frame = pandas.DataFrame(Q)
        found = decoder.fit(frame, pandas.Series(truth)).predict_proba(frame)
        np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("ensemble", [True, False])
    def test_a_calibrator_takes_it(self, decoder, case, ensemble):
        Q, truth = case
        calibrated = CalibratedClassifierCV(decoder, cv=3, ensemble=ensemble).fit(Q, truth)
        P = calibrated.predict_proba(Q)
        assert P.shape == (120, 3)
        np.testing.assert_allclose(P.sum(axis=1), 1)
        assert calibrated.score(Q, truth) > 0.7
