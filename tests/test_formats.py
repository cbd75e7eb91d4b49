"""What earlier versions wrote is read, and answers as it did."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import labelwise
from formats.make import N_LABELED, images, table
from labelwise import GMVAE, LinearStudent, Project, Student

RELEASES = sorted(path for path in (Path(__file__).parent / "formats").glob("*.*.*") if path.is_dir())
TOLERANCE = 1e-3  # other processors sum in another order


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request):
    return request.param


@pytest.fixture
def expected(release):
    with np.load(release / "expected.npz") as values:
        return dict(values)


def items_of(name):
    return table() if name.endswith("table") else images()


def test_there_are_folders_of_this_release():
    assert labelwise.__version__ in [path.name for path in RELEASES], "run python tests/formats/make.py"


@pytest.mark.parametrize("name", ["gmvae-pixels", "gmvae-exact", "gmvae-table"])
def test_models(release, expected, name):
    gmvae = GMVAE.load(release / name, device="cpu")
    np.testing.assert_allclose(gmvae.predict_proba(items_of(name)), expected[name], atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["pixels", "exact", "learned", "table"])
def test_answerers(release, expected, kind):
    name = f"answerer-{kind}"
    answerer = labelwise.load(release / name, device="cpu")
    np.testing.assert_allclose(answerer.predict_proba(items_of(name)), expected[name], atol=TOLERANCE)


def test_students(release, expected):
    student = Student.load(release / "student", device="cpu")
    np.testing.assert_allclose(student.predict_proba(images()), expected["student"], atol=TOLERANCE)
    linear = LinearStudent.load(release / "linear-student")
    rows = images().reshape(len(images()), -1).astype(np.float32)
    np.testing.assert_allclose(linear.predict_proba(rows), expected["linear-student"], atol=TOLERANCE)


def test_projects(release, expected, tmp_path):
    shutil.copytree(release / "project", tmp_path / "project")
    with Project.open(tmp_path / "project") as project:
        assert len(project.labeled()) == N_LABELED - 1
        np.testing.assert_allclose(project.answers().probabilities, expected["project"], atol=TOLERANCE)
        project.redo()
        assert len(project.labeled()) == N_LABELED
        assert project.answers().probabilities.shape == expected["project"].shape
