"""What fuzzing found, and what it begins with: every reader tells in one line what it cannot read."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile

import pytest

from fuzz import mutators
from fuzz.targets import TARGETS
from labelwise.errors import LabelwiseError

N_CHANGED = 25  # files of each kind, changed at random, without atheris

pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning"),
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
    pytest.mark.filterwarnings("ignore::Warning:PIL"),
]


def header(text: str, version: int = 1, values: bytes = b"") -> bytes:
    """An .npy file with any header."""
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode("latin-1") + values


def npy_of(shape: str, kind: str = "'|u1'", values: bytes = b"1234", version: int = 1) -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"
    return header(text, version, values)


def npz_of(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return packed.getvalue()


NPY = {
    "a size beyond any": npy_of("(4611686018427387904, 4)"),
    "a size beyond integers": npy_of(f"({10**30},)"),
    "a size beyond integers of no items": npy_of(f"(0, {10**30}, 3)"),
    "sizes beyond integers together, of no items": npy_of(f"(0, {2**40}, {2**40})"),
    "a negative size": npy_of("(-1, 4)"),
    "items of no length": npy_of("(1000000000000,)", "'|S0'"),
    "objects": npy_of("(4,)", "'|O'"),
    "records": npy_of("(1,)", "[('a', '<i4')]"),
    "types of keys": header("{'descr': '|u1', b'fortran_order': False, 'shape': (1,)}", 1, b"1"),
    "written by Python 2": npy_of("(4L, 1L)"),
    "a header that is nested": header("(" * 9000),
    "a header of operators": header("-" * 9000 + "1"),
    "a header of another length": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100,
    "another version": header("", 9),
}
TEXTS = npy_of("(4,)", "'<U1'", struct.pack("<4I", 0x110000, 65, 66, 67))
X = npy_of("(4, 1)")

CASES: dict[str, dict[str, bytes]] = {
    "npy": NPY,
    "npz": {f"X with {name}": npz_of(X=content) for name, content in NPY.items()}
    | {
        "numbers that are no characters": npz_of(X=X, y=TEXTS),
        "names that are no characters": npz_of(X=X, y=npy_of("(4,)"), names=TEXTS),
        "names that are no UTF-8": npz_of(
            X=X, y=npy_of("(4,)", values=b"\0\1\1\0"), names=npy_of("(2,)", "'|S1'", b"\xff\xfe")
        ),
        "labels beyond whole numbers": npz_of(
            X=X, y=npy_of("(4,)", "'<f8'", struct.pack("<4d", *[1e300] * 4))
        ),
        "labels that are signalling NaNs": npz_of(
            X=X, y=npy_of("(4,)", "'<f8'", struct.pack("<4Q", *[0x7FF0000000000001] * 4))
        ),
        "labels of half precision": npz_of(X=X, y=npy_of("(4,)", "'<f2'", b"\0\0" * 4)),
        "a name with a line break": npz_of(**{"a\nb": X}),
        "no array": npz_of(X=b"no array"),
    },
    "idx": {
        "more axes than numpy has": struct.pack(">HBB200I", 0, 8, 200, *[1] * 200) + b"1",
        "an axis of no length beside others": struct.pack(">HBB4I", 0, 8, 4, 0, *[2**32 - 1] * 3),
    },
    "csv": {
        "a label longer than all": b"label,a\n" + b"x" * 10_000 + b",1\ny,2\n",
        "a column of huge numbers": b"a,label\n1" + b"0" * 400 + b",x\n2,y\n",
    },
    "jsonl": {
        "nested": b'{"text": ' + b"[" * 100_000,
        "half a character": b'{"text": "\\ud800", "label": "\\udc00"}\n{"text": "b", "label": "c"}',
        "a number of many digits": b'{"text": ' + b"1" * 5000 + b"}",
    },
    "label-studio": {
        "nested": b"[" * 100_000,
        "half a character in a name": json.dumps(
            [
                {
                    "data": {"index": row},
                    "annotations": [
                        {"completed_by": by, "result": [{"value": {"choices": ["cat"]}}]},
                    ],
                }
                for row, by in enumerate(["ana", "\ud800"])
            ]
        ).encode(),
    },
    "labels": {
        "half a character": b"index,label\n0,\xed\xa0\x80\n",
        "a cell without end": b'index,label\n0,"' + b"x" * 200_000,
    },
    "journal": {
        "nested": b"[" * 100_000 + b"\n",
        "a list": b"[]\n",
        "a truth for a row": b'{"id": 1, "action": "label", "items": [true], "label": "a"}\n',
        "a list of people": b'{"id": 1, "action": "label", "items": [1], "label": "a", "by": []}\n',
        "a model that is no file": b'{"id": 1, "action": "name", "component": 0, "label": "a", "model": "'
        + b"1" * 300
        + b'"}\n',
        "a model elsewhere": b'{"id": 1, "action": "name", "component": 0, "label": "a", "model": "../x"}\n',
        "half a character": b'{"id": 1, "action": "label", "items": [1], "label": "\\ud800"}\n',
    },
    "weights": {
        "absurd length": struct.pack("<Q", 2**63) + b"{}",
        "negative offsets": struct.pack("<Q", 60)
        + b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}'.ljust(60),
        "absurd shape": struct.pack("<Q", 80)
        + b'{"a": {"dtype": "F32", "shape": [9999999999999], "data_offsets": [0, 4]}}'.ljust(80)
        + b"1234",
        "no numbers of numpy": struct.pack("<Q", 64)
        + b'{"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}'.ljust(64)
        + b"1",
    },
    "checkpoint": {
        "a header that is a list": struct.pack("<Q", 40)
        + b'{"__metadata__": {"labelwise": "[1]"}}'.ljust(40),
        "without a history": struct.pack("<Q", 64)
        + b'{"__metadata__": {"labelwise": "{\\"format\\": 2}"}}'.ljust(64),
    },
}

# What is changed of a valid manifest: where, and to what.
MANIFESTS = {
    "model": [
        (("architecture", "n_latent"), 2**40),
        (("architecture", "hidden"), [2**40]),
        (("architecture", "hidden"), []),
        (("architecture", "item_shape"), [0]),
        (("architecture", "objective"), []),
        (("featurizer",), {"name": "../../x"}),
    ],
    "project": [
        (("n_samples",), 2**40),
        (("n_samples",), float("inf")),
        (("n_samples",), -1),
        (("data", "place"), []),
        (("data", "place"), "\0"),
        (("data", "place"), "\ud800"),
        (("data", "place"), "1" * 300),
    ],
    "pool": [
        (("item_shape",), [2**40, "a"]),
        (("paths",), 1),
        (("paths",), [1] * 40),
        (("paths",), ["\ud800"] * 40),
        (("names",), ["a"]),
    ],
    "encoding": [(("parts",), ["../../pool"]), (("parts",), 3), (("parts",), []), (("n_samples",), 2**40)],
    "answerer": [
        (("decoder", "name"), "os.system"),
        (("decoder", "fitted"), {}),
    ],
    "linear-student": [
        (("classes",), ["a"]),
        (("item_shape",), [2**40]),
        (("temperature",), "x"),
        (("horizon",), 1e308),
    ],
    "student": [(("item_shape",), [0]), (("classes",), [])],
}


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """Make a target at its first use."""
    made = {}

    def find(name):
        if name not in made:
            made[name] = TARGETS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return find


def read(target, content):
    """Let a target read bytes; only an error of ours may come of it, whose line is returned."""
    try:
        target.read(content)
    except LabelwiseError as error:
        told = str(error)
    else:
        return None
    assert told
    assert "\n" not in told
    return told


@pytest.mark.parametrize("name", TARGETS)
def test_valid_files_can_be_read(target, name):
    assert read(target(name), target(name).seeds[0]) is None


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_what_was_found(target, name, case):
    read(target(name), CASES[name][case])


@pytest.mark.parametrize(
    ("name", "where", "value"), [(name, *change) for name, changes in MANIFESTS.items() for change in changes]
)
def test_a_manifest_that_promises_something_else(target, name, where, value):
    found = target(name)
    manifest = json.loads(found.seeds[0])
    *outer, last = where
    holder = manifest
    for key in outer:
        holder = holder[key]
    holder[last] = value
    told = read(found, json.dumps(manifest).encode())
    assert told is not None or name == "project"  # data that are gone are no damage


@pytest.mark.parametrize("name", TARGETS)
def test_files_that_are_changed_at_random(target, name):
    found, draw = target(name), random.Random(0)
    for _ in range(N_CHANGED):
        content = draw.choice(found.seeds)
        for _ in range(draw.randint(1, 3)):
            content = found.mutate(content, lambda inside: mutators.any_bytes(inside, draw), draw)
        read(found, content)
