"""A file is asked by numpy and onnxruntime alone, in a process in which torch and labelwise cannot be had."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from export.conftest import ASKED, POOL, TRUTH, labels_of
from labelwise import AutoDecoder, LinearStudent, Student, export_onnx
from labelwise.answerer import DecoderAnswerer

ASK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "labelwise", "sklearn", "scipy", "onnx"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Blocked())
for name in ("torch", "labelwise"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} could be imported")

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
items = np.load(sys.argv[2])
many = session.run(["label", "probabilities"], {"items": items})
each = [session.run(["probabilities"], {"items": items[row : row + 1]})[0] for row in range(len(items))]
np.savez(sys.argv[3], labels=many[0].astype(str), P=many[1], each=np.concatenate(each))
"""


@pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")
@pytest.mark.parametrize("kind", ["decoder", "student", "linear student"])
def test_answers_are_the_same(gmvae, encoding, tmp_path, kind):
    y = labels_of(TRUTH[:300])
    if kind == "decoder":
        answerer = DecoderAnswerer(gmvae, AutoDecoder().fit(encoding, y))
    elif kind == "student":
        answerer = Student(None, max_rounds=2, n_steps=5, device="cpu", random_state=0).fit(POOL, y)
    else:
        answerer = LinearStudent().fit(POOL, y)
    export_onnx(answerer, tmp_path / "a.onnx", ASKED)
    np.save(tmp_path / "items.npy", ASKED)
    paths = [str(tmp_path / name) for name in ("a.onnx", "items.npy", "found.npz")]
    command = [sys.executable, "-W", "error", "-c", ASK, *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    found = np.load(tmp_path / "found.npz")
    own = answerer.answer(ASKED, mixed=False) if kind == "student" else answerer.predict_proba(ASKED)
    np.testing.assert_allclose(found["P"], own, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["each"], own, atol=1e-4, rtol=0)
    assert found["labels"].tolist() == answerer.predict(ASKED).tolist()
