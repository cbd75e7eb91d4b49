"""Exported answers are our own, for every kind of answer, item and class."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pandas as pd
import pytest

from export.conftest import ASKED, DIGITS, NEW, POOL, TRUTH, ask, labels_of, small
from labelwise import (
    UNLABELED,
    GMVAEClassifier,
    HardDecoder,
    LinearStudent,
    SoftDecoder,
    Student,
    export_onnx,
)
from labelwise.answerer import DecoderAnswerer
from labelwise.decoding import DECODERS, AutoDecoder, PoissonDecoder
from labelwise.errors import DataError, LabelwiseWarning
from labelwise.export import TOLERANCE
from labelwise.features.learned import LearnedFeaturizer
from tiny_models import text_model

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")  # digits look alike

Y = labels_of(TRUTH[:300])
QUICK = {"max_rounds": 2, "n_steps": 5, "batch_size": 64, "device": "cpu", "random_state": 0}


def check(answerer, items, file, asked, own=None):
    """The file gives our own probabilities and labels, for one item and for many."""
    found = export_onnx(answerer, file, items)
    assert found.difference <= TOLERANCE
    assert found.n_bytes == file.stat().st_size
    expected = answerer.predict_proba(items) if own is None else own
    many, one = ask(file, **asked), ask(file, **{name: value[:1] for name, value in asked.items()})
    assert many[1].dtype == np.float32
    np.testing.assert_allclose(many[1], expected, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(one[1], expected[:1], atol=TOLERANCE, rtol=0)
    assert many[0].tolist() == answerer.predict(items).tolist()
    return found


@pytest.mark.parametrize("name", DECODERS)
def test_decoders(gmvae, encoding, tmp_path, name):
    answerer = DecoderAnswerer(gmvae, DECODERS[name]().fit(encoding, Y))
    found = check(answerer, ASKED, tmp_path / "a.onnx", {"items": ASKED})
    assert (found.answerer, found.begins) == (type(answerer.decoder).__name__, "items")
    assert found.classes == sorted(DIGITS.tolist())


@pytest.mark.parametrize("unnamed", ["prior", "first"])
def test_components_without_a_name(gmvae, encoding, tmp_path, unnamed):
    decoder = HardDecoder(unnamed).fit(encoding, labels_of(TRUTH[:300], every=60))
    check(DecoderAnswerer(gmvae, decoder), ASKED, tmp_path / "a.onnx", {"items": ASKED})


def abstaining(gmvae, encoding, names):
    """A decoder that gives some items no label, with classes of a type."""
    y, labeled = np.full(300, UNLABELED, dtype=object), np.arange(0, 300, 60)
    y[labeled] = names[TRUTH[labeled]].tolist()
    classes = names[TRUTH[labeled]]  # the type of the labels, which objects do not have
    return DecoderAnswerer(gmvae, HardDecoder("abstain", classes=classes).fit(encoding, y))


@pytest.mark.parametrize(
    ("names", "nothing", "dtype"),
    [(DIGITS, "", "object"), (np.arange(10) + 3, -1, "int64")]
    + [((np.arange(10) + 3).astype(name), -1, "int64") for name in ("int16", "int32", "uint8")]
    + [(np.arange(10).astype("float32"), -1, "float64")],
    ids=["text", "int64", "int16", "int32", "uint8", "float32"],
)
@pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning")
def test_abstention(gmvae, encoding, tmp_path, names, nothing, dtype):
    answerer = abstaining(gmvae, encoding, names)
    export_onnx(answerer, tmp_path / "a.onnx", ASKED)
    labels, _ = ask(tmp_path / "a.onnx", items=ASKED)
    own = answerer.predict(ASKED).tolist()
    assert labels.tolist() == [nothing if label == UNLABELED else label for label in own]
    assert nothing in labels.tolist()
    assert labels.dtype == dtype


@pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning")
def test_abstention_among_truths_is_refused(gmvae, encoding, tmp_path):
    answerer = abstaining(gmvae, encoding, np.arange(10) % 2 == 0)
    assert set(answerer.predict(ASKED).tolist()) == {True, False, UNLABELED}
    with pytest.raises(
        DataError, match=r"HardDecoder\(unnamed='abstain'\) answers True, False and -1"
    ) as caught:
        export_onnx(answerer, tmp_path / "a.onnx", ASKED)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::labelwise.errors.ClassWithoutLabelWarning")
def test_a_class_without_a_label(gmvae, encoding, tmp_path):
    for decoder in (AutoDecoder(classes=[*DIGITS, "dix"]), SoftDecoder(classes=[*DIGITS, "dix"])):
        answerer = DecoderAnswerer(gmvae, decoder.fit(encoding, Y))
        check(answerer, ASKED, tmp_path / "a.onnx", {"items": ASKED})


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (np.arange(10) + 3, "int64"),
        (np.arange(10, dtype=np.uint8), "int64"),
        (np.arange(10) + 0.0, "float64"),
        (np.arange(10) > 4, "bool"),
    ],
)
def test_classes_of_all_types(gmvae, encoding, tmp_path, names, kind):
    answerer = DecoderAnswerer(gmvae, SoftDecoder().fit(encoding, labels_of(TRUTH[:300], names)))
    check(answerer, ASKED, tmp_path / "a.onnx", {"items": ASKED})
    assert ask(tmp_path / "a.onnx", items=NEW)[0].dtype == kind


def test_students_of_images(gmvae, tmp_path):
    student = Student("affine", **QUICK).fit(POOL, Y)
    check(student, ASKED, tmp_path / "a.onnx", {"items": ASKED}, student.answer(ASKED, mixed=False))
    as_floats = (ASKED / 255).astype(np.float32)
    own = student.answer(as_floats, mixed=False)
    check(student, as_floats, tmp_path / "a.onnx", {"items": as_floats}, own)


def test_a_student_where_the_machine_prefers_bfloat16(tmp_path, monkeypatch):
    student = Student("affine", **QUICK).fit(POOL, Y)
    monkeypatch.setattr(Student, "_mixed", lambda self: True)
    assert np.abs(student.predict_proba(ASKED) - student.answer(ASKED, mixed=False)).max() > TOLERANCE
    assert export_onnx(student, tmp_path / "a.onnx", ASKED).difference <= TOLERANCE


def test_students_of_rows(tmp_path):
    rows = POOL.reshape(300, -1)[:, 10:40].astype(float)
    rows = rows[:, rows.std(axis=0) > 0]
    for student in (Student(None, likelihood="gaussian", **QUICK), LinearStudent()):
        student.fit(rows, Y)
        asked = np.concatenate([rows, 100 * rows[:9]]).astype(np.float32)
        check(student, asked, tmp_path / "a.onnx", {"items": asked})


def test_a_linear_student_of_pixels(tmp_path):
    student = LinearStudent().fit(POOL, Y)
    check(student, ASKED, tmp_path / "a.onnx", {"items": ASKED})


@pytest.mark.parametrize("refine", [False, LinearStudent()])
def test_a_classifier(gmvae, tmp_path, refine):
    classifier = GMVAEClassifier(gmvae, prefit=True, refine=refine, random_state=0).fit(POOL, Y)
    check(classifier, ASKED, tmp_path / "a.onnx", {"items": ASKED})


def pictures(n_items, shape, seed=0):
    """Squares at random places, uint8, and in which half they are."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (n_items, *shape)).astype(np.uint8)
    places = rng.integers(0, np.array(shape[:2]) - 5, (n_items, 2))
    for image, (row, column) in zip(images, places, strict=True):
        image[row : row + 6, column : column + 6] = 220
    return images, (places[:, 0] > (shape[0] - 5) / 2).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((16, 16), {"features": "pixels"}),
        ((17, 22), {"features": "pixels", "objective": "exact"}),
        ((19, 16, 3), {"features": LearnedFeaturizer("affine", n_steps=3, device="cpu", random_state=0)}),
        ((16, 25), {"features": LearnedFeaturizer("affine", n_steps=3, device="cpu", random_state=0)}),
    ],
    ids=["pixels", "exact", "learned-colour", "learned-grey"],
)
def test_images(tmp_path, shape, parameters):
    pool, truth = pictures(120, shape)
    gmvae = small(pool, 5, augment=None if parameters["features"] == "pixels" else "affine", **parameters)
    encoding, y = gmvae.encode(pool), labels_of(truth, np.array(["up", "down"]))
    new = np.concatenate([pool[:20], pictures(30, shape, seed=1)[0]])
    for decoder in (SoftDecoder(), AutoDecoder(), PoissonDecoder(on="features")):
        answerer = DecoderAnswerer(gmvae, decoder.fit(encoding, y))
        check(answerer, new, tmp_path / "a.onnx", {"items": new})
    student = Student(None, **QUICK).fit(pool, y)
    check(student, new, tmp_path / "a.onnx", {"items": new}, student.answer(new, mixed=False))
    if parameters["features"] != "pixels":
        refined = GMVAEClassifier(gmvae, prefit=True, refine=LinearStudent(), random_state=0).fit(pool, y)
        for items, meaning in ((new, "0..255"), ((new / 255).astype(np.float32), "0..1")):
            found = check(refined, items, tmp_path / "a.onnx", {"items": items})
            assert found.answerer == "LinearStudent"
            assert [(each["shape"], each["meaning"]) for each in found.inputs] == [([*shape], meaning)]
            found = check(answerer, items, tmp_path / "a.onnx", {"items": items})
            assert [each["meaning"] for each in found.inputs] == [meaning]


def test_rows_of_a_frame_of_numbers(tmp_path):
    rows = np.random.default_rng(0).normal(size=(120, 4))
    frame = pd.DataFrame(rows, columns=list("abcd"))
    gmvae = small(frame, 5)
    y = labels_of((rows[:, 0] > 0).astype(int), np.array(["low", "high"]))
    answerer = DecoderAnswerer(gmvae, AutoDecoder().fit(gmvae.encode(frame), y))
    check(answerer, frame, tmp_path / "a.onnx", {"items": rows.astype(np.float32)})


def table(n_rows, seed=0):
    """Columns of all kinds, with gaps, and a class."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "weight": rng.normal(size=n_rows),
            "income": rng.lognormal(4, 3, n_rows) * rng.choice([-1, 1], n_rows),
            "label": rng.integers(0, 5, n_rows).astype(float),
            "colour": rng.choice(["red", "grün", "blue"], n_rows),
            "size": rng.choice([1, 2, 30], n_rows).astype(str),
            "paid": rng.choice([True, False], n_rows),
            "since": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n_rows), unit="D"),
        }
    )
    truth = (frame["weight"] > 0).to_numpy().astype(int)
    frame.loc[::7, "weight"] = np.nan
    frame.loc[::9, "since"] = pd.NaT
    frame.loc[::11, "colour"] = None
    return frame, truth


@pytest.mark.filterwarnings("ignore::labelwise.errors.FeatureWarning")  # of the column "label"
def test_tables(tmp_path):
    frame, truth = table(150)
    gmvae = small(frame, 5)
    assert any(column.log for column in gmvae.featurizer_.schema_.columns)
    y = labels_of(truth, np.array(["low", "high"]))
    answerer = DecoderAnswerer(gmvae, AutoDecoder().fit(gmvae.encode(frame), y))
    new, _ = table(40, seed=1)
    new.loc[3, "colour"] = "mauve"
    new["more"] = 1
    asked = {
        name: new[name].to_numpy(dtype=float, na_value=np.nan)
        for name in ("weight", "income", "label", "paid")
    }
    asked["column label"] = asked.pop("label")
    asked |= {name: new[name].fillna("").to_numpy(dtype=object) for name in ("colour", "size")}
    asked["since"] = ((new["since"] - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy()
    found = check(answerer, new, tmp_path / "a.onnx", asked)
    assert {each["name"] for each in found.inputs} == set(asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)
        student = GMVAEClassifier(gmvae, prefit=True, refine=LinearStudent(), random_state=0).fit(frame, y)
    check(student, new, tmp_path / "a.onnx", asked)


@pytest.mark.filterwarnings("ignore::labelwise.errors.FeatureWarning")  # of the column "label"
def test_columns_may_have_any_names(tmp_path):
    rows = np.random.default_rng(0).normal(size=(120, 6))
    names = ["Add_1", "IsNaN_1", "IsNaN_1_", "label", "column label", ""]
    frame = pd.DataFrame(rows, columns=names)
    frame.loc[::9, "Add_1"] = np.nan  # a frame of numbers alone is no table
    gmvae = small(frame, 5)
    y = labels_of((rows[:, 1] > 0).astype(int), np.array(["low", "high"]))
    answerer = DecoderAnswerer(gmvae, SoftDecoder().fit(gmvae.encode(frame), y))
    inputs = [*names[:3], "column column label", "column label", "column "]
    asked = {name: frame[column].to_numpy() for name, column in zip(inputs, names, strict=True)}
    found = check(answerer, frame, tmp_path / "a.onnx", asked)
    assert [each["name"] for each in found.inputs] == inputs
    onnx.checker.check_model(onnx.load(tmp_path / "a.onnx"), full_check=True)


def test_texts_begin_at_their_features(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    texts = [f"the {word}, {number}" for number, word in enumerate(["cat purr", "dog howl"] * 45)]
    gmvae = small(texts, 4, features=f"text:{text_model(tmp_path / 'text')}")
    y = labels_of(np.arange(90) % 2, np.array(["cat", "dog"]))
    answerer = DecoderAnswerer(gmvae, AutoDecoder().fit(gmvae.encode(texts), y))
    features = gmvae.featurizer_.transform(texts)
    found = check(answerer, texts, tmp_path / "a.onnx", {"features": features})
    assert found.begins == "features"
    assert [each["shape"] for each in found.inputs] == [[16]]


def test_the_file_tells_of_itself(gmvae, encoding, tmp_path):
    answerer = DecoderAnswerer(gmvae, AutoDecoder().fit(encoding, Y))
    for name in ("a", "b"):
        export_onnx(answerer, tmp_path / name, NEW)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    model = onnx.load(tmp_path / "a")
    onnx.checker.check_model(model, full_check=True)
    notes = {each.key: each.value for each in model.metadata_props}
    assert notes["answerer"] == "AutoDecoder"
    assert "zéro, ou rien" in notes["classes"]
    sizes = [port.type.tensor_type.shape.dim for port in (*model.graph.input, *model.graph.output)]
    assert [each[0].dim_param for each in sizes] == ["n", "n", "n"]
