"""The linear student: what it learns, how sure it is, what comes back from disk, what is refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from labelwise import GMVAE, LinearStudent, Student, load
from labelwise.decoding import SoftDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DataError, LabelError, ParameterError, StorageError
from labelwise.events import Cancelled
from labelwise.features.learned import LearnedFeaturizer
from labelwise.features.table import TableFeaturizer
from labelwise.labels import UNLABELED
from labelwise.student import refine, student_for
from student.conftest import correct, labels_for, quick, teacher_of

TINY = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 1, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def linear(blobs):
    """A linear student of the blobs; not to be changed."""
    return LinearStudent().fit(blobs.X, blobs.y, blobs.answers)


class TestLearning:
    def test_it_is_right_where_its_teacher_is_wrong(self, blobs, linear):
        hidden = blobs.y == UNLABELED
        assert correct(blobs.answers[hidden], blobs.truth[hidden]) < 0.8
        assert correct(linear.answers_[hidden], blobs.truth[hidden]) > 0.9
        assert linear.score(blobs.X[hidden] + 0.1, blobs.truth[hidden]) > 0.95

    def test_answers_are_the_geometric_mean_with_the_teacher(self, blobs):
        student = LinearStudent(max_rounds=2).fit(blobs.X, blobs.y, blobs.answers)
        hidden = blobs.y == UNLABELED
        student.temperature_ = 1.0
        product = np.sqrt(student.predict_proba(blobs.X) * blobs.answers)[hidden]
        assert (product.argmax(axis=1) == student.answers_[hidden].argmax(axis=1)).mean() > 0.99

    def test_sure_answers_count_more(self, blobs):
        """Two of three items say the contrary of the others, but are unsure of it."""
        is_sure = np.arange(240) % 3 == 0
        said = np.where(is_sure, blobs.truth, (blobs.truth + 1) % 3)
        height = np.where(is_sure, 1.0, 0.45)[:, None]
        answers = np.where(np.eye(3)[said] > 0, height, (1 - height) / 2)
        student = LinearStudent(max_rounds=2).fit(blobs.X, blobs.y, answers)
        assert student.score(blobs.X, blobs.truth) > 0.9

    def test_labelled_items_have_their_label_whatever_the_teacher_says(self, blobs, linear):
        labeled = blobs.y != UNLABELED
        np.testing.assert_array_equal(linear.answers_[labeled], np.eye(3)[blobs.truth[labeled]])

    def test_units_of_columns_do_not_matter(self, blobs, linear):
        units = np.float32(10.0) ** np.arange(-4, 6)
        other = LinearStudent().fit(blobs.X * units + units, blobs.y, blobs.answers)
        np.testing.assert_allclose(other.answers_, linear.answers_, atol=1e-2)

    def test_a_constant_column_says_nothing(self, blobs, linear):
        wider = np.hstack([blobs.X, np.full((240, 1), 7, dtype=np.float32)])
        other = LinearStudent().fit(wider, blobs.y, blobs.answers)
        np.testing.assert_allclose(other.answers_, linear.answers_, atol=1e-5)

    def test_images_are_rows_of_numbers_to_it(self, images):
        student = LinearStudent().fit(images.X, images.y, images.answers)
        assert student.item_shape_ == (10, 10)
        assert student.predict(images.X).shape == (200,)
        with pytest.raises(DataError, match="shape"):
            student.predict(images.X[:, :9])

    def test_nothing_in_it_is_random(self, blobs, linear):
        other = LinearStudent(random_state=7).fit(blobs.X, blobs.y, blobs.answers)
        assert other.answers_.tobytes() == linear.answers_.tobytes()


class TestProbabilities:
    def test_rows_sum_to_1_and_many_items_are_answered_as_few(self, blobs, linear):
        many = np.tile(blobs.X, (40, 1))
        P = linear.predict_proba(many)
        assert (P.dtype, P.shape) == (np.float32, (9600, 3))
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(P[-240:], linear.predict_proba(blobs.X), atol=1e-6)

    def test_what_is_far_from_everything_could_be_anything(self, blobs, linear):
        near, far = (linear.predict_proba(blobs.X[:1] * times) for times in (1, 1000))
        assert near.max() > 0.6
        np.testing.assert_allclose(far, 1 / 3, atol=0.01)

    def test_answers_are_no_surer_than_the_teachers(self, blobs, linear):
        hidden = blobs.y == UNLABELED
        aim = blobs.answers.max(axis=1).mean()
        assert linear.answers_[hidden].max(axis=1).mean() <= aim + 1e-3
        assert linear.predict_proba(blobs.X).max(axis=1).mean() <= aim + 1e-3

    def test_a_class_that_nobody_answers(self, blobs):
        answers = np.hstack([blobs.answers, np.zeros((240, 1))])
        student = LinearStudent().fit(blobs.X, blobs.y, answers, classes=[0, 1, 2, 9])
        assert student.predict_proba(blobs.X).shape == (240, 4)
        assert 9 not in student.predict(blobs.X)

    def test_two_classes(self, blobs):
        y = np.where(blobs.y == UNLABELED, UNLABELED, np.minimum(blobs.y, 1))
        truth = np.minimum(blobs.truth, 1)
        student = LinearStudent().fit(blobs.X, y, teacher_of(truth, 2, wrong=0.1))
        assert student.score(blobs.X, truth) > 0.9


class TestListening:
    def test_each_round_has_its_record(self, blobs):
        events = []
        student = LinearStudent(max_rounds=3).fit(blobs.X, blobs.y, blobs.answers, listen=events.append)
        assert [event.numbers for event in events if event.numbers] == student.history_
        fractions = [event.fraction for event in events]
        assert (fractions[0], fractions[-1]) == (0, 1)
        assert fractions == sorted(fractions)

    def test_a_student_whose_learning_is_cancelled_stays_as_it_was(self, blobs):
        student = LinearStudent().fit(blobs.X, blobs.y, blobs.answers)
        before = student.predict_proba(blobs.X)

        def stop(event):
            raise Cancelled

        with pytest.raises(Cancelled):
            student.fit(blobs.X, blobs.truth, listen=stop)
        np.testing.assert_array_equal(student.predict_proba(blobs.X), before)


class TestSaving:
    @pytest.mark.parametrize("names", [["auk", "gull", "tern"], [3, 10, 17]], ids=["texts", "gaps"])
    def test_what_comes_back_answers_the_same_bits(self, blobs, tmp_path, names):
        student = LinearStudent(random_state=3).fit(blobs.X, np.array(names)[blobs.truth], blobs.answers)
        student.save(tmp_path / "s")
        loaded = load(tmp_path / "s")
        assert isinstance(loaded, LinearStudent)
        assert loaded.predict_proba(blobs.X).tobytes() == student.predict_proba(blobs.X).tobytes()
        assert loaded.predict(blobs.X).tolist() == student.predict(blobs.X).tolist()
        fitted = {name for name in vars(student) if name.endswith("_")}
        assert {name for name in vars(loaded) if name.endswith("_")} == fitted
        for name in fitted:
            np.testing.assert_array_equal(getattr(loaded, name), getattr(student, name), err_msg=name)
        assert loaded.get_params() == student.get_params() | {"random_state": None}
        assert {path.suffix for path in (tmp_path / "s").iterdir()} == {".json", ".safetensors"}

    def test_columns_of_a_frame_and_the_check_are_kept(self, blobs, tmp_path):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(blobs.X, columns=[f"c{k}" for k in range(10)])
        encoding, y = Encoding(blobs.answers), labels_for(blobs.truth, 130)
        student = refine(LinearStudent(), SoftDecoder().fit(encoding, y), frame, encoding, y).student
        student.save(tmp_path / "s")
        loaded = LinearStudent.load(tmp_path / "s")
        assert loaded.check_ == student.check_
        assert loaded.check_.n_labels == 13
        assert loaded.feature_names_in_.tolist() == list(frame.columns)

    @pytest.mark.parametrize("key", ["parameters", "history", "classes", "horizon"])
    def test_a_manifest_that_is_not_complete(self, linear, tmp_path, key):
        linear.save(tmp_path / "s")
        manifest = json.loads((tmp_path / "s/manifest.json").read_text())
        del manifest[key]
        (tmp_path / "s/manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(StorageError, match="is damaged"):
            load(tmp_path / "s")

    def test_pickling_keeps_the_answers(self, blobs, linear):
        copy = pickle.loads(pickle.dumps(linear))
        np.testing.assert_array_equal(copy.predict_proba(blobs.X), linear.predict_proba(blobs.X))


class TestRefining:
    def case(self, blobs, n_labeled):
        y = labels_for(blobs.truth, n_labeled)
        encoding = Encoding(teacher_of(blobs.truth, 3, wrong=0.3, sure=0.9))
        return SoftDecoder().fit(encoding, y), blobs.X, encoding, y

    def test_it_is_judged_as_any_student(self, blobs):
        found = refine(LinearStudent(), *self.case(blobs, 130), random_state=0)
        check = found.student.check_
        assert check.student > check.teacher
        assert found.verdict == (
            f"student taken: right on {check.student} of 13 labels that were kept back, "
            f"the decoder on {check.teacher}"
        )

    def test_it_is_left_out_where_the_boundary_is_not_straight(self, blobs):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((240, 2)).astype(np.float32)
        truth = (X.prod(axis=1) > 0).astype(int)
        encoding = Encoding(np.eye(2)[truth] * 0.9 + 0.05)
        y = labels_for(truth, 200)
        found = refine(LinearStudent(), SoftDecoder().fit(encoding, y), X, encoding, y, random_state=0)
        assert found.student is None or found.student.check_.student >= found.student.check_.teacher - 4

    @pytest.mark.parametrize("start", [LinearStudent(), quick()], ids=["linear", "network"])
    def test_it_always_learns_from_nothing(self, blobs, start):
        start = start.fit(blobs.X, blobs.y, blobs.answers)
        case = self.case(blobs, 130)
        found, fresh = (refine(LinearStudent(), *case, start=s, random_state=0) for s in (start, None))
        assert found.verdict == fresh.verdict
        assert found.student.answers_.tobytes() == fresh.student.answers_.tobytes()

    def test_an_earlier_linear_student_is_no_start_of_a_network(self, blobs, linear):
        case = self.case(blobs, 60)
        found = refine(quick(), *case, start=linear, random_state=0)
        assert found.verdict == "student taken unchecked: there are too few labels to keep some back"

    def test_it_reads_what_the_featurizer_of_the_model_reads(self, blobs, tmp_path):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(blobs.X, columns=[f"c{k}" for k in range(10)])
        frame["kind"] = np.array(["red", "green", "blue"])[blobs.truth]
        featurizer = TableFeaturizer().fit(frame)
        decoder, _, encoding, y = self.case(blobs, 60)
        student = refine(LinearStudent(), decoder, frame, encoding, y, featurizer=featurizer).student
        assert student.score(frame, blobs.truth) == 1
        student.save(tmp_path / "s")
        loaded = load(tmp_path / "s")
        assert loaded.predict_proba(frame).tobytes() == student.predict_proba(frame).tobytes()


class TestChoice:
    @pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")
    def test_images_get_a_network_and_rows_of_numbers_logistic_regression(self, blobs, images):
        pandas = pytest.importorskip("pandas")
        for X, features, kind in (
            (images.X, "pixels", Student),
            (images.X, LearnedFeaturizer("strokes", n_steps=2, random_state=0), Student),
            (blobs.X, "none", LinearStudent),
            (pandas.DataFrame(blobs.X, columns=[f"c{k}" for k in range(10)]), "table", LinearStudent),
        ):
            gmvae = GMVAE(3, features=features, **TINY).fit(X)
            student = student_for(gmvae, max_rounds=4, random_state=2)
            assert type(student) is kind, features
            assert (student.max_rounds, student.random_state) == (4, 2)


class TestRefusal:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"C": 0}, r"^C=0 must be"),
            ({"C": "1"}, r"^C='1' must be"),
            ({"max_rounds": 1}, r"^max_rounds=1 must be an integer of at least 2$"),
        ],
    )
    def test_wrong_parameters(self, blobs, parameters, message):
        with pytest.raises(ParameterError, match=message):
            LinearStudent(**parameters).fit(blobs.X, blobs.y)

    def test_labels_and_answers(self, blobs):
        with pytest.raises(LabelError, match="more than one class"):
            LinearStudent().fit(blobs.X, np.zeros(240))
        with pytest.raises(DataError, match="answers have shape"):
            LinearStudent().fit(blobs.X, blobs.y, blobs.answers[:9])
        with pytest.raises(ParameterError, match="temperature=0"):
            LinearStudent().fit(blobs.X, blobs.y, temperature=0)
