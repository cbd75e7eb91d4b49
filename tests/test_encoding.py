"""`Encoding`: what it checks, how a model makes one in a single pass, and models of format 1."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from labelwise import GMVAE
from labelwise.decoding import AutoDecoder, SoftDecoder
from labelwise.encoding import Encoding, as_encoding
from labelwise.errors import DataError, StructureWarning
from labelwise.graph.neighbours import Neighbourhood
from labelwise.graph.principal import PrincipalComponents
from labelwise.student import Student
from labelwise.student import network as student_network

FORMATS = Path(__file__).parent / "formats"
Q = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]])
POINTS = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])


class TestParts:
    def test_what_was_given_is_there(self):
        encoding = Encoding(Q, POINTS, POINTS[:, :1])
        np.testing.assert_array_equal(encoding.posteriors, Q)
        np.testing.assert_array_equal(encoding.latents, POINTS)
        np.testing.assert_array_equal(encoding.features, POINTS[:, :1])
        assert (len(encoding), encoding.n_components, encoding.shape) == (4, 3, (4, 3))
        assert encoding.has("latents")
        assert encoding.has("features")

    def test_what_was_not_is_not(self):
        encoding = Encoding(Q.tolist())
        assert (encoding.latents, encoding.features) == (None, None)
        assert not encoding.has("latents")
        assert not encoding.has("features")

    @pytest.mark.parametrize("part", ["latents", "features"])
    def test_points_that_are_not_there_are_named(self, part):
        with pytest.raises(DataError, match=rf"^the encoding has no {part} .*Encoding\(posteriors, {part}="):
            Encoding(Q).points(part)

    def test_top_and_overlap(self):
        encoding = Encoding(Q.astype(np.float32))
        assert encoding.top.tolist() == [0, 2, 1, 2]
        expected = sum(np.outer(row, row) for row in Q)
        np.testing.assert_allclose(encoding.overlap, expected, rtol=1e-6)
        assert encoding.overlap.dtype == np.float64

    def test_whole_numbers_become_probabilities(self):
        assert Encoding(np.eye(3, dtype=int)).posteriors.dtype == np.float64

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            (np.float16, np.float32),
            (np.float32, np.float32),
            (np.int8, np.float32),
            (np.float64, np.float64),
            (np.int64, np.float64),
        ],
    )
    def test_points_keep_the_precision_that_they_need(self, given, kept):
        assert Encoding(Q, POINTS.astype(given)).latents.dtype == kept

    def test_a_graph_is_made_once(self, monkeypatch):
        made = []
        real = Neighbourhood.__init__

        def counting(self, points, n_neighbors, *arguments, **keywords):
            made.append(n_neighbors)
            real(self, points, n_neighbors, *arguments, **keywords)

        monkeypatch.setattr(Neighbourhood, "__init__", counting)
        encoding = Encoding(Q, POINTS, POINTS)
        graphs = [encoding.points().neighbourhood(2) for _ in range(2)]
        assert graphs[0] is graphs[1]
        assert made == [2]
        encoding.points("features").neighbourhood(2)
        encoding.points().neighbourhood(1)
        assert made == [2, 2, 1]


class TestTable:
    def test_it_stands_for_itself_and_its_square_roots_are_latents(self):
        encoding = as_encoding(Q.tolist())
        assert encoding.is_table
        np.testing.assert_array_equal(encoding.posteriors, Q)
        np.testing.assert_array_equal(encoding.latents, np.sqrt(Q))
        assert encoding.features is None

    def test_an_encoding_is_taken_as_it_is(self):
        encoding = Encoding(Q, POINTS)
        assert as_encoding(encoding) is encoding
        assert not encoding.is_table

    @pytest.mark.parametrize("given", [Q, Encoding(Q)], ids=["table", "encoding"])
    def test_another_number_of_components(self, given):
        with pytest.raises(DataError, match=r"^posteriors have 3 components, .* fitted with 5: "):
            as_encoding(given, 5)


class TestRows:
    @pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True, False]), slice(1, 3)])
    def test_some_of_the_items(self, rows):
        part = Encoding(Q, POINTS, -POINTS)[rows]
        np.testing.assert_array_equal(part.posteriors, Q[rows])
        np.testing.assert_array_equal(part.latents, POINTS[rows])
        np.testing.assert_array_equal(part.features, -POINTS[rows])

    def test_what_is_not_there_stays_away_and_a_table_stays_a_table(self):
        part = Encoding(Q, POINTS)[:2]
        assert part.features is None
        assert not part.is_table
        assert as_encoding(Q)[:2].is_table

    def test_as_scikit_learn_writes_it(self):
        part = Encoding(Q, POINTS)[np.array([3, 1]), ...]
        np.testing.assert_array_equal(part.latents, POINTS[[3, 1]])

    def test_graphs_of_all_items_do_not_serve_a_part(self):
        encoding = Encoding(Q, POINTS)
        encoding.points().neighbourhood(2)
        assert len(encoding[:3].points().neighbourhood(2).nodes) == 3


@pytest.mark.parametrize("part", ["latents", "features"])
@pytest.mark.parametrize(
    ("values", "told"),
    [
        (POINTS[:3], r"with 4 rows, but have shape \(3, 2\)"),
        (POINTS[:, 0], r"with 4 rows, but have shape \(4,\)"),
        (np.full((4, 2), "x"), r"type <U1"),
        (np.where(POINTS == 5, np.nan, POINTS), r"NaN or infinity in row 2"),
        (np.where(POINTS == 6, -np.inf, POINTS), r"NaN or infinity in row 3"),
    ],
)
def test_parts_that_do_not_fit_are_named(part, values, told):
    with pytest.raises(DataError, match=rf"^{part} .*{told}"):
        Encoding(Q, **{part: values})


def fitted(X, **parameters):
    settings = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 2, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)
        return GMVAE(3, **settings | {"device": "cpu"} | parameters).fit(X)


TABLE = np.random.default_rng(0).standard_normal((2100, 5)).astype(np.float32)
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)


@pytest.fixture(scope="module", params=["collapsed", "exact"])
def model(request):
    """A model of `TABLE`, by either objective; not to be changed."""
    return fitted(TABLE, objective=request.param)


class TestEncode:
    def test_the_same_bits_as_from_the_methods_one_by_one(self, model):
        encoding = model.encode(TABLE)
        assert encoding.posteriors.tobytes() == model.predict_proba(TABLE).tobytes()
        assert encoding.latents.tobytes() == model.transform(TABLE).tobytes()
        assert encoding.posteriors.dtype == encoding.latents.dtype == encoding.features.dtype == np.float32
        assert encoding.top.tolist() == model.predict(TABLE).tolist()

    def test_every_item_passes_through_the_encoder_once(self, model):
        seen = []
        hook = model.module_.encoder.register_forward_hook(lambda _, given, out: seen.append(len(given[0])))
        try:
            model.encode(TABLE)
        finally:
            hook.remove()
        assert sum(seen) == len(TABLE)
        assert len(seen) > 1  # more than one batch, so that their order matters above

    def test_features_are_principal_components_settled_in_fit(self, model):
        new = TABLE[:30] + 1
        expected = PrincipalComponents().fit(TABLE, is_table=True).transform(new)
        np.testing.assert_array_equal(model.encode(new).features, expected)
        np.testing.assert_allclose(model.encode(TABLE).features.mean(axis=0), 0, atol=1e-5)

    def test_pixels_are_not_standardised_for_them(self):
        expected = PrincipalComponents().fit(IMAGES).transform(IMAGES)
        np.testing.assert_array_equal(fitted(IMAGES).encode(IMAGES).features, expected)

    def test_decoders_take_it(self, model):
        encoding, y = model.encode(TABLE[:60]), np.where(np.arange(60) < 12, np.arange(60) % 2, -1)
        assert AutoDecoder().fit(encoding, y).predict(encoding).shape == (60,)
        by_table = SoftDecoder().fit(encoding.posteriors, y).predict(encoding.posteriors)
        assert SoftDecoder().fit(encoding, y).predict(encoding).tolist() == by_table.tolist()

    def test_a_saved_model_encodes_the_same(self, model, tmp_path):
        model.save(tmp_path / "m")
        loaded = GMVAE.load(tmp_path / "m", device="cpu").encode(TABLE)
        for part in ("posteriors", "latents", "features"):
            assert getattr(loaded, part).tobytes() == getattr(model.encode(TABLE), part).tobytes()

    def test_the_module_called_as_torch_calls_it_says_the_same(self, model):
        with torch.no_grad():
            encoded = model.module_(model.module_.likelihood.scale(torch.from_numpy(TABLE[:50])))
        encoding = model.encode(TABLE[:50])
        np.testing.assert_allclose(encoded.responsibilities.numpy(), encoding.posteriors, rtol=1e-6)
        np.testing.assert_allclose(encoded.latents.numpy(), encoding.latents, rtol=1e-6)


DRAWN = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
POSTERIORS = [
    [0.34789, 0.33735, 0.31476],
    [0.36238, 0.25631, 0.38131],
    [0.35645, 0.26266, 0.38089],
    [0.37088, 0.26623, 0.36289],
]
LATENTS = [[-0.0369, -0.00864], [-0.44243, -0.3164], [-0.46701, -0.39316], [-0.30549, -0.16999]]
PROBABILITIES = [[0.99656, 0.00344], [0.98633, 0.01367], [0.00501, 0.99499], [0.00493, 0.99507]]


class TestFormat1:
    """Folders that labelwise 0.1.0 wrote, and what it answered for `ITEMS`."""

    ITEMS = DRAWN[18:22] + np.array([[0], [0], [4], [4]], dtype=np.float32)

    def test_a_model_encodes_as_it_did_but_has_no_features(self):
        encoding = GMVAE.load(FORMATS / "gmvae-1", device="cpu").encode(self.ITEMS)
        np.testing.assert_allclose(encoding.posteriors, POSTERIORS, atol=1e-4)
        np.testing.assert_allclose(encoding.latents, LATENTS, atol=1e-4)
        assert encoding.features is None
        y = [0, -1, 1, -1]
        assert AutoDecoder(use_features=False).fit(encoding, y).predict(encoding).shape == (4,)
        with pytest.raises(DataError, match="features"):
            AutoDecoder().fit(encoding, y)

    def test_a_model_can_be_saved_again(self, tmp_path):
        gmvae = GMVAE.load(FORMATS / "gmvae-1", device="cpu")
        gmvae.save(tmp_path / "m")
        again = GMVAE.load(tmp_path / "m", device="cpu").encode(self.ITEMS)
        assert again.posteriors.tobytes() == gmvae.encode(self.ITEMS).posteriors.tobytes()
        assert again.features is None

    def test_a_student_answers_as_it_did(self, tmp_path, monkeypatch):
        monkeypatch.setattr(student_network, "_DENSE", (8, 8))  # it was made small, to be kept here
        student = Student.load(FORMATS / "student-1", device="cpu")
        np.testing.assert_allclose(student.predict_proba(self.ITEMS), PROBABILITIES, atol=1e-4)
        assert student.answers_ is None
        student.save(tmp_path / "s")
        again = Student.load(tmp_path / "s", device="cpu")
        assert again.predict_proba(self.ITEMS).tobytes() == student.predict_proba(self.ITEMS).tobytes()
        assert again.answers_ is None

    def test_they_are_of_format_1(self):
        for name in ("gmvae-1", "student-1"):
            assert '"format": 1,' in (FORMATS / name / "manifest.json").read_text()


def test_rows_whose_sum_no_number_can_hold_are_no_probabilities():
    with pytest.raises(DataError, match=r"sum to 1.*sum inf"):
        Encoding(np.full((1, 2), np.finfo(float).max))
