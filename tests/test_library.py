"""`GMVAEClassifier` in scikit-learn's tools: copies, pipelines, searches, calibration."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, HardDecoder, SoftDecoder

# Models this small, trained this briefly, often leave components dead, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

TINY = {"n_latent": 2, "n_hidden": 16, "n_layers": 1, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def blobs():
    """Three blobs in ten columns, and a label for every tenth item."""
    X, truth = make_blobs(240, n_features=10, centers=3, random_state=0)
    X = X.astype(np.float32)
    return X, truth, np.where(np.arange(240) % 10 == 0, truth, UNLABELED)


@pytest.fixture(scope="module")
def fitted(blobs):
    """A model of the blobs; not to be changed."""
    return GMVAE(6, max_epochs=30, batch_size=32, learning_rate=3e-3, **TINY).fit(blobs[0])


@pytest.fixture
def untrained(monkeypatch):
    """No model may be trained."""
    monkeypatch.setattr(GMVAE, "fit", lambda *_, **__: pytest.fail("trained again"))


@pytest.mark.usefixtures("untrained")
class TestPrefit:
    def test_a_copy_keeps_the_fitted_model_itself(self, blobs, fitted):
        classifier = GMVAEClassifier(fitted, prefit=True, decoder=HardDecoder(unnamed="prior")).fit(
            *blobs[:2]
        )
        copy = clone(classifier)
        assert copy.gmvae is fitted
        assert copy.get_params() == classifier.get_params() | {"decoder": copy.decoder}
        assert copy.decoder is not classifier.decoder
        assert copy.decoder.unnamed == "prior"
        with pytest.raises(NotFittedError):
            copy.predict(blobs[0])
        expected = classifier.predict_proba(blobs[0])
        np.testing.assert_array_equal(copy.fit(*blobs[:2]).predict_proba(blobs[0]), expected)

    def test_so_does_a_copy_of_a_copy_in_a_pipeline(self, fitted):
        pipeline = Pipeline([("classify", GMVAEClassifier(fitted, prefit=True))])
        assert clone(clone(pipeline)).named_steps["classify"].gmvae is fitted

    def test_cross_validation(self, blobs, fitted):
        scores = cross_val_score(GMVAEClassifier(fitted, prefit=True), *blobs[:2], cv=3)
        assert scores.min() > 0.9

    def test_a_grid_search_over_decoders(self, blobs, fitted):
        grid = {"decoder": ["soft", "bayes", HardDecoder()]}
        search = GridSearchCV(GMVAEClassifier(fitted, prefit=True), grid, cv=2).fit(*blobs[:2])
        assert search.cv_results_["mean_test_score"].min() > 0.9
        assert search.best_estimator_.gmvae_ is fitted
        assert search.score(*blobs[:2]) > 0.9

    @pytest.mark.parametrize("ensemble", [True, False])
    def test_calibration(self, blobs, fitted, ensemble):
        classifier = GMVAEClassifier(fitted, prefit=True, decoder="soft")
        calibrated = CalibratedClassifierCV(classifier, cv=2, ensemble=ensemble).fit(*blobs[:2])
        assert calibrated.score(*blobs[:2]) > 0.9
        np.testing.assert_allclose(calibrated.predict_proba(blobs[0]).sum(axis=1), 1)

    def test_calibration_of_what_few_labels_taught(self, blobs, fitted):
        X, truth, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, decoder="soft").fit(X, y)
        held_out = np.arange(240) % 10 == 5
        calibrated = CalibratedClassifierCV(FrozenEstimator(classifier), cv=2)
        calibrated.fit(X[held_out], truth[held_out])
        assert calibrated.score(X, truth) > 0.9


class TestTemplate:
    def test_a_copy_of_a_classifier_with_a_template_has_a_template_of_its_own(self, fitted):
        copy = clone(GMVAEClassifier(fitted))
        assert copy.gmvae is not fitted
        assert copy.gmvae.get_params() == fitted.get_params()
        assert not hasattr(copy.gmvae, "module_")

    def test_in_a_pipeline_of_frames(self, blobs):
        pandas = pytest.importorskip("pandas")
        X, truth, y = blobs
        frame = pandas.DataFrame(X, columns=[f"c{k}" for k in range(10)])
        gmvae = GMVAE(6, max_epochs=30, batch_size=32, learning_rate=3e-3, **TINY)
        pipeline = make_pipeline(StandardScaler(), GMVAEClassifier(gmvae)).set_output(transform="pandas")
        assert is_classifier(pipeline)
        assert pipeline.fit(frame, y).score(frame, truth) > 0.9
        assert pipeline.classes_.tolist() == [0, 1, 2]
        assert pipeline[-1].feature_names_in_.tolist() == list(frame.columns)

    def test_the_model_as_a_step_before_any_classifier(self, blobs):
        pandas = pytest.importorskip("pandas")
        X, truth, _ = blobs
        pipeline = make_pipeline(GMVAE(4, max_epochs=2, **TINY), StandardScaler(), FromLatents())
        pipeline.set_output(transform="pandas").fit(X, truth)
        assert isinstance(pipeline[-1].seen_, pandas.DataFrame)
        assert list(pipeline[-1].seen_.columns) == ["gmvae0", "gmvae1"]

    def test_nested_parameters_in_a_search(self, blobs):
        X, truth, _ = blobs
        classifier = GMVAEClassifier(GMVAE(4, max_epochs=2, batch_size=64, **TINY), decoder="hard")
        grid = {"gmvae__n_components": [1, 4]}
        search = GridSearchCV(classifier, grid, cv=2).fit(X, truth)
        assert search.best_params_ == {"gmvae__n_components": 4}
        assert search.best_estimator_.gmvae_.n_components == 4


class FromLatents(SoftDecoder):
    """Keeps what it is given."""

    def fit(self, Q, y):
        """Look, and learn nothing."""
        self.seen_ = Q
        return self
