"""`GMVAEClassifier`: scikit-learn's checks, and what it adds to a model and a decoder."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_classifiers_train, parametrize_with_checks

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, HardDecoder, SoftDecoder
from labelwise import classifier as module
from labelwise.decoding import DECODERS, AutoDecoder, PoissonDecoder
from labelwise.errors import (
    ClassWithoutLabelWarning,
    DataError,
    LabelError,
    ParameterError,
    UnnamedComponentWarning,
)
from labelwise.student import LinearStudent, Refinement, Student

# Models this small, trained this briefly, often leave components dead, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

TINY = {"n_latent": 2, "n_hidden": 16, "n_layers": 1, "max_epochs": 3, "random_state": 0, "device": "cpu"}

# The one table of checks that are expected to fail, with the reason; a check that passes again fails here.
EXPECTED_FAILURES = {
    "check_classifiers_classes": "has -1 as one of two classes, but here -1 marks an item without a label",
    "check_classifiers_train": (
        "wants 83 % on its training data, after the three epochs that keep these checks quick; "
        "the rest of this check, and the score of a model with time to learn, are tested below"
    ),
}


def expected_failures(classifier):
    """Decoders of latents reach that score."""
    return {
        check: why
        for check, why in EXPECTED_FAILURES.items()
        if check == "check_classifiers_classes" or classifier.decoder != "auto"
    }


# The labels of these checks are random, and a model with time to learn says so.
@pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")
@parametrize_with_checks(
    [
        GMVAEClassifier(),
        GMVAEClassifier(GMVAE(4, **TINY)),
        GMVAEClassifier(GMVAE(4, **TINY), decoder="soft"),
        GMVAEClassifier(GMVAE(4, **TINY), decoder="hard"),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


class OfPoorScore(GMVAEClassifier):
    """Tells scikit-learn not to look at the accuracy."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


@pytest.mark.parametrize("decoder", ["soft", "hard"])
def test_training_is_as_scikit_learn_wants_it_but_for_the_score(decoder):
    check_classifiers_train("GMVAEClassifier", OfPoorScore(GMVAE(4, **TINY), decoder=decoder))


def test_a_model_with_time_to_learn_scores_as_scikit_learn_wants():
    X, y = make_blobs(n_samples=300, random_state=0)  # the data of check_classifiers_train
    gmvae = GMVAE(8, **(TINY | {"max_epochs": 60}), learning_rate=5e-3)
    assert GMVAEClassifier(gmvae, decoder="hard").fit(X, y).score(X, y) > 0.83


@pytest.fixture(scope="module")
def blobs():
    """Three blobs in ten columns, and a label for every tenth item."""
    X, truth = make_blobs(300, n_features=10, centers=3, random_state=0)
    y = np.full(300, UNLABELED)
    y[::10] = truth[::10]
    return X, truth, y


@pytest.fixture(scope="module")
def fitted(blobs):
    """A model of the blobs; not to be changed."""
    return template().fit(blobs[0])


def test_thirty_labels_name_the_irises():
    X, truth = load_iris(return_X_y=True)
    y = np.full(150, UNLABELED)
    labeled = np.random.default_rng(0).permutation(150)[:30]
    y[labeled] = truth[labeled]
    classifier = GMVAEClassifier(random_state=0).fit(X, y)
    assert classifier.score(X[y == UNLABELED], truth[y == UNLABELED]) > 0.9
    assert len(classifier.gmvae_.weights_) == 10


def template():
    return GMVAE(6, **TINY | {"max_epochs": 40, "batch_size": 32, "learning_rate": 3e-3})


class TestLearning:
    @pytest.mark.parametrize("decoder", ["soft", "hard"])
    def test_a_few_labels_name_the_blobs(self, blobs, decoder):
        X, truth, y = blobs
        classifier = GMVAEClassifier(template(), decoder=decoder)
        assert classifier.fit(X, y) is classifier
        hidden = y == UNLABELED
        assert classifier.score(X[hidden], truth[hidden]) > 0.95
        assert classifier.score(X[hidden], truth[hidden]) == np.mean(
            classifier.predict(X)[hidden] == truth[hidden]
        )

    def test_answers_are_those_of_the_parts(self, blobs):
        X, _, y = blobs
        classifier = GMVAEClassifier(template(), decoder="soft").fit(X, y)
        gmvae = template().fit(X)
        decoder = SoftDecoder().fit(gmvae.predict_proba(X), y)
        new = X[:20] + 0.01
        np.testing.assert_array_equal(
            classifier.predict_proba(new), decoder.predict_proba(gmvae.predict_proba(new))
        )
        np.testing.assert_array_equal(classifier.predict(new), decoder.predict(gmvae.predict_proba(new)))

    def test_the_model_learns_from_the_unlabelled_items_too(self, blobs):
        X, _, y = blobs
        classifier = GMVAEClassifier(GMVAE(4, **TINY)).fit(X, y)
        assert classifier.decoder_.n_labeled_ == 30
        expected = GMVAE(4, **TINY).fit(X).predict_proba(X)
        np.testing.assert_array_equal(classifier.gmvae_.predict_proba(X), expected)

    def test_the_labels_play_no_part_in_the_structure(self, blobs):
        X, truth, y = blobs
        one = GMVAEClassifier(GMVAE(4, **TINY)).fit(X, y)
        other = GMVAEClassifier(GMVAE(4, **TINY), decoder="soft").fit(X, (truth + 1) % 3)
        np.testing.assert_array_equal(one.gmvae_.means_, other.gmvae_.means_)

    def test_attributes(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X, y)
        assert classifier.classes_.tolist() == [0, 1, 2]
        assert classifier.n_features_in_ == 10
        assert isinstance(classifier.decoder_, AutoDecoder)
        P = classifier.predict_proba(X)
        assert P.shape == (300, 3)
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)
        assert classifier.predict(X).tolist() == P.argmax(axis=1).tolist()

    def test_images(self):
        images, truth = load_digits(return_X_y=True)
        X = (images * 15.9375).round().astype(np.uint8).reshape(-1, 8, 8)[:200]
        classifier = GMVAEClassifier(GMVAE(8, **TINY), decoder="soft").fit(X, truth[:200])
        assert classifier.n_features_in_ == 64
        assert classifier.predict_proba(X[:5]).shape == (5, 10)
        with pytest.raises(DataError, match=r"^X has items of shape \(4, 16\), but the model was fitted on"):
            classifier.predict(X.reshape(-1, 4, 16))

    def test_names_of_columns_are_kept(self, blobs):
        pandas = pytest.importorskip("pandas")
        X, _, y = blobs
        frame = pandas.DataFrame(X, columns=[f"column {i}" for i in range(10)])
        classifier = GMVAEClassifier(GMVAE(4, **TINY)).fit(frame, y)
        assert classifier.feature_names_in_.tolist() == list(frame.columns)
        assert not hasattr(GMVAEClassifier(GMVAE(4, **TINY)).fit(X, y), "feature_names_in_")

    def test_it_works_in_cross_validation(self, blobs):
        X, truth, _ = blobs
        scores = cross_val_score(GMVAEClassifier(template()), X, truth, cv=2)
        assert scores.shape == (2,)
        assert scores.min() > 0.9

    def test_pickling_keeps_the_answers(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X, y)
        copy = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))


class TestRandomState:
    def test_equal_numbers_give_equal_answers(self, blobs):
        X, _, y = blobs
        settings = TINY | {"random_state": None}
        one, same, other = (
            GMVAEClassifier(GMVAE(4, **settings), decoder="soft", random_state=seed)
            .fit(X, y)
            .predict_proba(X)
            for seed in (3, 3, 4)
        )
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()

    def test_it_goes_before_that_of_the_template_which_is_not_changed(self, blobs):
        X, _, y = blobs
        gmvae = GMVAE(4, **TINY)
        classifier = GMVAEClassifier(gmvae, random_state=7).fit(X, y)
        assert classifier.gmvae_.seed_ == 7
        assert gmvae.random_state == 0
        assert GMVAEClassifier(gmvae).fit(X, y).gmvae_.seed_ == 0

    def test_a_generator_is_drawn_from(self, blobs):
        X, _, y = blobs
        rng = np.random.default_rng(0)
        classifier = GMVAEClassifier(GMVAE(4, **TINY), random_state=rng)
        seeds = {classifier.fit(X, y).gmvae_.seed_ for _ in range(2)}
        assert len(seeds) == 2


class TestTemplate:
    def test_it_is_copied_not_fitted(self, blobs):
        X, _, y = blobs
        gmvae = GMVAE(4, **TINY)
        classifier = GMVAEClassifier(gmvae).fit(X, y)
        assert classifier.gmvae is gmvae
        assert classifier.gmvae_ is not gmvae
        assert not hasattr(gmvae, "module_")
        assert classifier.gmvae_.get_params() == gmvae.get_params()

    def test_a_fitted_one_is_trained_anew_unless_prefit(self, blobs, fitted):
        X, _, y = blobs
        means = fitted.means_.copy()
        classifier = GMVAEClassifier(fitted).fit(X[::2], y[::2])
        assert classifier.gmvae_ is not fitted
        np.testing.assert_array_equal(fitted.means_, means)
        assert (classifier.gmvae_.means_ != means).any()

    def test_none_takes_the_default_model(self, blobs, monkeypatch):
        X, _, y = blobs
        seen = []

        def fit(self, X):
            seen.append(self)
            raise InterruptedError

        monkeypatch.setattr(GMVAE, "fit", fit)
        with pytest.raises(InterruptedError):
            GMVAEClassifier(random_state=5).fit(X, y)
        assert seen[0].get_params() == GMVAE(None, random_state=5).get_params()

    def test_nested_parameters_can_be_set(self):
        classifier = GMVAEClassifier(GMVAE(4), decoder=HardDecoder())
        classifier.set_params(gmvae__n_components=9, decoder__unnamed="prior")
        assert classifier.gmvae.n_components == 9
        assert classifier.decoder.unnamed == "prior"
        assert clone(classifier).gmvae.n_components == 9


class TestPrefit:
    def test_the_model_is_used_as_it_is(self, blobs, fitted, monkeypatch):
        X, _, y = blobs
        monkeypatch.setattr(GMVAE, "fit", lambda *_: pytest.fail("trained again"))
        classifier = GMVAEClassifier(fitted, prefit=True, random_state=5).fit(X, y)
        assert classifier.gmvae_ is fitted
        assert fitted.random_state == 0

    def test_the_labelled_items_may_be_others_than_those_of_training(self, blobs, fitted):
        X, truth, _ = blobs
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X[:12] + 0.01, truth[:12])
        assert classifier.score(X, truth) > 0.95

    def test_a_model_that_is_not_fitted(self, blobs):
        X, _, y = blobs
        with pytest.raises(NotFittedError, match=r"^This GMVAE instance is not fitted yet"):
            GMVAEClassifier(GMVAE(4, **TINY), prefit=True).fit(X, y)

    def test_no_model(self, blobs):
        X, _, y = blobs
        with pytest.raises(ParameterError) as caught:
            GMVAEClassifier(prefit=True).fit(X, y)
        assert str(caught.value) == "gmvae=None must be a fitted GMVAE when prefit=True"

    @pytest.mark.parametrize("value", ["yes", 1, None])
    def test_a_wrong_value(self, blobs, value):
        X, _, y = blobs
        with pytest.raises(ParameterError) as caught:
            GMVAEClassifier(GMVAE(4, **TINY), prefit=value).fit(X, y)
        assert str(caught.value) == f"prefit={value!r} must be True or False"

    def test_data_of_another_width(self, blobs, fitted):
        X, _, y = blobs
        with pytest.raises(ValueError, match=r"^X has 9 features, but GMVAE is expecting 10 features"):
            GMVAEClassifier(fitted, prefit=True).fit(X[:, :9], y)


class TestDecoder:
    @pytest.mark.parametrize("name", DECODERS)
    def test_every_name_is_accepted(self, blobs, fitted, name):
        X, truth, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, decoder=name).fit(X, y)
        assert type(classifier.decoder_) is DECODERS[name]
        assert (classifier.predict(X) == truth).mean() > 0.9

    def test_auto_is_what_is_taken(self):
        assert GMVAEClassifier().decoder == "auto"

    @pytest.mark.parametrize(("name", "kind"), [("soft", SoftDecoder), ("hard", HardDecoder)])
    def test_a_name(self, blobs, fitted, name, kind):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, decoder=name).fit(X, y)
        Q = fitted.predict_proba(X)
        assert type(classifier.decoder_) is kind
        np.testing.assert_array_equal(classifier.predict_proba(X), kind().fit(Q, y).predict_proba(Q))

    def test_an_instance_is_copied_with_its_parameters(self, blobs, fitted):
        X, _, y = blobs
        decoder = HardDecoder(unnamed="prior")
        classifier = GMVAEClassifier(fitted, prefit=True, decoder=decoder).fit(X, y)
        assert classifier.decoder is decoder
        assert classifier.decoder_ is not decoder
        assert classifier.decoder_.unnamed == "prior"
        assert set(vars(decoder)) == {"unnamed", "classes"}

    @pytest.mark.parametrize("value", ["softer", 3, None, SoftDecoder])
    def test_an_unknown_one(self, blobs, fitted, value):
        X, _, y = blobs
        with pytest.raises(ParameterError) as caught:
            GMVAEClassifier(fitted, prefit=True, decoder=value).fit(X, y)
        assert str(caught.value) == (
            f"decoder={value!r} must be 'hard', 'soft', 'related', 'bayes', 'spreading', 'poisson', "
            "'linear', 'product', 'linear-student' or 'auto'"
        )

    def test_abstaining(self, blobs, fitted):
        X, truth, _ = blobs
        y = np.where(truth == 0, 0, UNLABELED)
        decoder = HardDecoder(unnamed="abstain")
        with pytest.warns(UnnamedComponentWarning, match="components have no labelled item"):
            classifier = GMVAEClassifier(fitted, prefit=True, decoder=decoder).fit(X, y)
        answers = classifier.predict(X)
        homes = set(fitted.predict(X[truth == 0]).tolist())
        expected = [0 if c in homes else -1 for c in fitted.predict(X).tolist()]
        assert answers.tolist() == expected
        assert set(expected) == {0, -1}

    def test_a_class_without_a_label(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, decoder=SoftDecoder(classes=range(5)))
        with pytest.warns(ClassWithoutLabelWarning, match=r"^no item is labelled 3, 4: "):
            classifier.fit(X, y)
        assert classifier.classes_.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_array_equal(classifier.predict_proba(X)[:, 3:], 0)


@pytest.fixture
def quick(monkeypatch):
    """Students learn in a moment unless told otherwise."""
    defaults = Student.__init__.__kwdefaults__
    settings = {"max_rounds": 2, "n_steps": 20, "batch_size": 64}
    monkeypatch.setattr(Student.__init__, "__kwdefaults__", defaults | settings)


@pytest.mark.usefixtures("quick")
class TestRefine:
    def test_a_student_answers_instead_of_the_decoder(self, blobs, fitted):
        X, truth, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y)
        assert isinstance(classifier.student_, LinearStudent)
        assert classifier.refinement_ == (
            "student taken unchecked: there are too few labels to keep some back"
        )
        new = X[:50] + 0.1
        P = classifier.predict_proba(new)
        np.testing.assert_array_equal(P, classifier.student_.predict_proba(new))
        assert (GMVAEClassifier(fitted, prefit=True).fit(X, y).predict_proba(new) != P).any()
        assert classifier.predict(new).tolist() == P.argmax(axis=1).tolist()
        assert classifier.score(X, truth) > 0.95
        assert isinstance(classifier.decoder_, AutoDecoder)
        assert classifier.classes_.tolist() == classifier.student_.classes_.tolist() == [0, 1, 2]

    def test_true_takes_seed_and_device_from_the_model_and_its_kind_of_views(self, blobs, fitted):
        X, _, y = blobs
        student = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y).student_
        assert student.random_state == fitted.seed_
        images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
        gmvae = GMVAE(4, augment="affine", **TINY)
        labels = np.where(np.arange(60) < 10, np.arange(60) % 2, UNLABELED)
        classifier = GMVAEClassifier(gmvae, refine=True).fit(images, labels)
        student, seed = classifier.student_, classifier.gmvae_.seed_
        assert (student.augment, student.device, student.random_state) == ("affine", "cpu", seed)

    def test_a_student_is_a_template(self, blobs, fitted):
        X, _, y = blobs
        template = Student(n_steps=7, learning_rate=0.01, random_state=4, device="cpu")
        classifier = GMVAEClassifier(fitted, prefit=True, refine=template).fit(X, y)
        assert classifier.refine is template
        assert classifier.student_ is not template
        assert not hasattr(template, "network_")
        assert classifier.student_.get_params() == template.get_params()

    def test_where_it_does_not_help_the_decoder_answers(self, blobs, fitted, monkeypatch):
        X, _, y = blobs
        verdict = "student left out: right on 3 of 10 labels that were kept back, the decoder on 9"
        monkeypatch.setattr(module, "refine", lambda *_, **__: Refinement(None, verdict))
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y)
        assert classifier.student_ is None
        assert classifier.refinement_ == verdict
        plain = GMVAEClassifier(fitted, prefit=True).fit(X, y)
        np.testing.assert_array_equal(classifier.predict_proba(X), plain.predict_proba(X))
        assert classifier.predict(X).tolist() == plain.predict(X).tolist()

    def test_from_100_labels_on_it_is_judged(self, blobs, fitted):
        X, truth, _ = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, truth)
        check = classifier.student_.check_
        assert check.n_labels == 30
        assert classifier.refinement_ == (
            f"student taken: right on {check.student} of 30 labels that were kept back, "
            f"the decoder on {check.teacher}"
        )

    def test_unless_asked_for_there_is_none(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X, y)
        assert (classifier.refine, classifier.student_, classifier.refinement_) == (False, None, None)

    def test_a_second_fit_without_it_forgets_the_student(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y)
        classifier.set_params(refine=False).fit(X, y)
        assert (classifier.student_, classifier.refinement_) == (None, None)

    def test_labels_of_one_class_make_none(self, blobs, fitted):
        X, truth, _ = blobs
        y = np.where(truth == 1, 1, UNLABELED)
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y)
        assert classifier.student_ is None
        assert classifier.refinement_ == "no student: all labels are of one class"
        assert set(classifier.predict(X).tolist()) == {1}

    def test_texts_for_all(self, blobs, fitted):
        X, truth, _ = blobs
        names = np.array(["auk", "gull", "tern"])
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, names[truth])
        assert classifier.student_ is not None
        assert classifier.score(X, names[truth]) > 0.95

    @pytest.mark.parametrize("seed", [3, None])
    def test_equal_numbers_give_equal_answers(self, blobs, seed):
        X, _, y = blobs
        one, same = (
            GMVAEClassifier(GMVAE(4, **TINY), refine=True, random_state=seed).fit(X, y).predict_proba(X)
            for _ in range(2)
        )
        np.testing.assert_array_equal(one, same)

    def test_other_numbers_give_other_answers(self, blobs, fitted):
        X, _, y = blobs
        one, other = (
            GMVAEClassifier(fitted, prefit=True, refine=Student(), random_state=seed)
            .fit(X, y)
            .predict_proba(X)
            for seed in (3, 4)
        )
        assert (one != other).any()

    def test_the_number_of_the_classifier_goes_before_that_of_the_template(self, blobs, fitted):
        X, _, y = blobs
        template = Student(random_state=4)
        for seed, expected in ((3, 3), (None, 4)):
            classifier = GMVAEClassifier(fitted, prefit=True, refine=template, random_state=seed)
            assert classifier.fit(X, y).student_.random_state == expected

    def test_copies_and_nested_parameters(self):
        classifier = GMVAEClassifier(GMVAE(4), refine=Student(n_steps=7))
        copy = clone(classifier)
        assert copy.refine is not classifier.refine
        assert copy.get_params()["refine__n_steps"] == 7
        copy.set_params(refine__n_steps=9)
        assert (copy.refine.n_steps, classifier.refine.n_steps) == (9, 7)
        assert clone(GMVAEClassifier(refine=True)).refine is True

    def test_pickling_keeps_the_answers(self, blobs, fitted):
        X, _, y = blobs
        classifier = GMVAEClassifier(fitted, prefit=True, refine=True).fit(X, y)
        copy = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))

    @pytest.mark.parametrize("value", ["yes", 1, 0, None, Student])
    def test_a_wrong_type_is_told_before_training(self, blobs, monkeypatch, value):
        X, _, y = blobs
        monkeypatch.setattr(GMVAE, "fit", lambda *_: pytest.fail("trained first"))
        with pytest.raises(ParameterError) as caught:
            GMVAEClassifier(GMVAE(4, **TINY), refine=value).fit(X, y)
        assert str(caught.value) == f"refine={value!r} must be True, False, a Student or a LinearStudent"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"refine": Student(n_steps=0)}, r"^n_steps=0 must be an integer of at least 1$"),
            ({"decoder": PoissonDecoder(n_steps=0)}, r"^n_steps=0 must be an integer of at least 1$"),
        ],
    )
    def test_wrong_parameters_are_told_before_a_model_is_trained(self, blobs, monkeypatch, changes, message):
        X, _, y = blobs
        monkeypatch.setattr(GMVAE, "fit", lambda self, X: pytest.fail("a model was trained"))
        with pytest.raises(ParameterError, match=message):
            GMVAEClassifier(GMVAE(4, **TINY), **changes).fit(X, y)

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            (Student(max_rounds=1), r"^max_rounds=1 must be an integer of at least 2$"),
            (Student("affine"), r"^augment='affine' needs images, but X is a table: "),
        ],
    )
    def test_wrong_parameters_of_the_template_are_told(self, blobs, fitted, template, message):
        X, _, y = blobs
        with pytest.raises(ParameterError, match=message):
            GMVAEClassifier(fitted, prefit=True, refine=template).fit(X, y)


class TestLabels:
    def test_texts(self, blobs, fitted):
        X, truth, y = blobs
        names = np.array(["tern", "gull", "auk"])
        texts = np.array(
            [UNLABELED if label == UNLABELED else str(names[label]) for label in y], dtype=object
        )
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X, texts)
        assert classifier.classes_.tolist() == ["auk", "gull", "tern"]
        assert np.mean(classifier.predict(X) == names[truth]) > 0.95
        assert classifier.score(X, names[truth]) == np.mean(classifier.predict(X) == names[truth])

    def test_texts_for_all(self, blobs, fitted):
        X, truth, _ = blobs
        classifier = GMVAEClassifier(fitted, prefit=True).fit(X, np.array(["x", "y", "z"])[truth])
        assert classifier.classes_.tolist() == ["x", "y", "z"]


FAULTS = {
    "none given": (None, LabelError, "GMVAEClassifier requires y to be passed, but the target y is None"),
    "none labelled": (np.full(300, -1), LabelError, "none of the 300 items has a label: give at least one"),
    "too few": (np.zeros(299, int), LabelError, "y has shape (299,), but there are 300 items"),
    "NaN": (np.where(np.arange(300) == 4, np.nan, 1.0), LabelError, "y holds nan in row 4"),
    "two types": (np.array(["a", 1] * 150, dtype=object), LabelError, "labels mix types (int, str)"),
    "text -1": (np.array(["a", "-1"] * 150), LabelError, 'y holds the text "-1"'),
    "measurements": (np.linspace(0, 1, 300), LabelError, "Unknown label type: continuous"),
    "a table": (np.zeros((300, 2), int), LabelError, "y has shape (300, 2), but there are 300 items"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faulty_labels_are_found_before_training(blobs, monkeypatch, case):
    y, kind, start = FAULTS[case]
    monkeypatch.setattr(GMVAE, "fit", lambda *_: pytest.fail("trained first"))
    with pytest.raises(kind, match="^" + re.escape(start)):
        GMVAEClassifier(GMVAE(4, **TINY)).fit(blobs[0], y)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_not_fitted(blobs, method):
    with pytest.raises(NotFittedError, match=r"^This GMVAEClassifier instance is not fitted yet"):
        getattr(GMVAEClassifier(), method)(blobs[0])


def test_wrong_parameters_of_the_model_are_found_by_fit(blobs):
    classifier = GMVAEClassifier(GMVAE(n_components=-3))
    with pytest.raises(ParameterError, match=r"^n_components=-3 must be None or an integer of at least 1$"):
        classifier.fit(blobs[0], blobs[2])
