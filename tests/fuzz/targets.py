"""Readers of files that others wrote, each with valid files to begin with.

A target reads bytes as a user would have the file read, and then does what comes next with what was read. All
that may be raised is a LabelwiseError.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fuzz import mutators
from labelwise import GMVAE, LinearStudent, Project, Student, load, load_dataset
from labelwise.data import read_labels
from labelwise.data.idx import read_idx
from labelwise.data.idx_folder import read_emnist
from labelwise.data.images import read_images
from labelwise.errors import LabelwiseError, LabelwiseWarning
from labelwise.nn.checkpoint import CheckpointFile
from labelwise.project.pool import Pool
from labelwise.storage import WEIGHTS, _sha256, read_tensors, write_tensors

N_ITEMS = 40
X = np.random.default_rng(0).integers(0, 256, (N_ITEMS, 6)).astype(np.float32)


class Target(NamedTuple):
    """A reader, valid files for it, and a way to change them."""

    seeds: list[bytes]
    read: Callable[[bytes], object]
    mutate: mutators.Mutator = mutators.plain


def idx(place: Path) -> Target:
    shapes = {"images": (3, 1, 3), "labels": (3,)}
    files = {
        name: struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes([1, 2, 3] * len(shape))
        for name, shape in shapes.items()
    }
    doubles = struct.pack(">HBB2I", 0, 0x0E, 2, 1, 2) + np.array([1, 2], ">f8").tobytes()
    images = _written(place / "images", files["images"])

    def read(content: bytes) -> None:
        path = _written(place / "file", content)
        with contextlib.suppress(LabelwiseError):
            read_emnist(images, path)
        read_idx(path)

    seeds = [*files.values(), doubles]
    return Target([*seeds, *map(gzip.compress, seeds)], read, mutators.of_gzip)


def npz(place: Path) -> Target:
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    names = np.array(["a", "b"])
    seeds = [
        _saved(np.savez, X=pixels),
        _saved(np.savez, X=pixels, y=np.array([0, 1, 1, 0]), names=names),
        _saved(np.savez_compressed, X=pixels.astype(float), y=np.array(["b", "a", "a", "b"])),
        _saved(np.savez, X=pixels, y=np.array([1.0, 0.0, 0.0, 1.0]), names=np.array([b"a", b"b"])),
    ]
    return Target(seeds, lambda content: _pooled(_written(place / "x.npz", content)), mutators.of_zip)


def npy(place: Path) -> Target:
    seeds = [_saved(np.save, X), _saved(np.save, np.zeros((2, 3, 3), np.uint8))]
    return Target(seeds, lambda content: _pooled(_written(place / "x.npy", content)))


def csv(place: Path) -> Target:
    seeds = [
        b"a,b,label\n1,2,x\n3,4.5,y\n5,,x\n",
        'text,label,b\nein schönes Buch,1,2024-01-01\n"two\nlines",2,true\n'.encode(),
        b"1,2,3\n4,5,6\n7,8,9\n",
    ]

    def read(content: bytes) -> None:
        path = _written(place / "x.csv", content)
        for options in ({"label_column": "label"}, {"text_column": "text", "label_column": "label"}):
            with contextlib.suppress(LabelwiseError):
                _pooled(path, **options)
        _pooled(path)

    return Target(seeds, read)


def jsonl(place: Path) -> Target:
    seeds = [
        b'{"text": "one", "label": "a"}\n{"text": "two", "label": 1.5}\n',
        '{"text": "schön", "label": true, "x": [null]}\n\n{"text": "b", "label": "\\u00e9"}\n'.encode(),
    ]

    def read(content: bytes) -> None:
        path = _written(place / "x.jsonl", content)
        _pooled(path, text_column="text", label_column="label")

    return Target(seeds, read, mutators.of_json_lines)


def labels(place: Path) -> Target:
    seeds = [
        b"index,label\n0,cat\n3,dog\n",
        b'index,label,reason\n1,"a, b",random\n2,,\n',
        "path,label\na/b.png,süß\n./c.png,'=x\n".encode(),
    ]
    take = _importing(place, "labels.csv")

    def read(content: bytes) -> None:
        path = _written(place / "x.csv", content)
        with contextlib.suppress(LabelwiseError):
            read_labels(path, n_samples=3, paths=["a/b.png", "c.png", "d.png"])
        take(content)

    return Target(seeds, read)


def label_studio(place: Path) -> Target:
    choice = {"type": "choices", "value": {"choices": ["cat"]}}
    annotation = {"result": [choice], "completed_by": 1, "updated_at": "2024-01-01T00:00:00Z"}
    tasks = [
        {"id": 1, "data": {"index": 0}, "annotations": [annotation]},
        {"data": {"index": "3"}, "annotations": [annotation | {"completed_by": {"email": "ana@x.org"}}]},
        {"data": {"index": 4}, "completions": [annotation | {"was_cancelled": True}]},
    ]
    return Target([json.dumps(tasks).encode()], _importing(place, "tasks.json"), mutators.of_json)


def journal(place: Path) -> Target:
    project = _project(place)
    kept = project.path / "labels.jsonl"

    def read(content: bytes) -> None:
        kept.write_bytes(content)
        opened = Project.open(project.path)
        with opened:
            _ = opened.labels(), opened.groups(), opened.disputed(), opened.lost_labels(), opened.names()
            opened.label(0, "after")
            opened.undo()
            assert Project.open(project.path).labels().tolist() == opened.labels().tolist()
        opened.export_labels(place / "out.csv")

    with project:
        project.label_items([1, 2, 3], "a", by="ana")
        project.confirm([4, 5], ["a", "b"])
        project.name(0, "a")
        project.undo()
        project.redo()
        project.label(1, None, by="bob")
    return Target([kept.read_bytes()], read, mutators.of_json_lines)


def model(place: Path) -> Target:
    path = place / "model"
    _gmvae().save(path)

    def read(content: bytes) -> None:
        _written(path / "manifest.json", content)
        GMVAE.load(path, device="cpu").encode(X)

    return Target([(path / "manifest.json").read_bytes()], read, mutators.of_json)


def project(place: Path) -> Target:
    path = _project(place).path

    def read(content: bytes) -> None:
        _written(path / "manifest.json", content)
        opened = Project.open(path)
        _ = opened.pool, opened.encoding, opened.labels(), repr(opened), opened.items()

    return Target([(path / "manifest.json").read_bytes()], read, mutators.of_json)


def pool(place: Path) -> Target:
    path = _project(place).path

    def read(content: bytes) -> None:
        _written(path / "pool" / "manifest.json", content)
        opened = Project.open(path)
        _ = opened.items(), opened.labels(), opened.pool.truth(), opened.pool.kind

    return Target([(path / "pool" / "manifest.json").read_bytes()], read, mutators.of_json)


def encoding(place: Path) -> Target:
    path = _project(place).path

    def read(content: bytes) -> None:
        _written(path / "encoding" / "manifest.json", content)
        opened = Project.open(path)
        # What was suggested before is kept, so that nothing would be looked at.
        _ = opened.encoding.top, opened.encoding.overlap, opened.suggest(3, labels=opened.labels())
        opened.encoding.points().neighbourhood(3)

    return Target([(path / "encoding" / "manifest.json").read_bytes()], read, mutators.of_json)


def answerer(place: Path) -> Target:
    opened = _project(place)
    with opened:
        opened.label_items(range(0, 10), "a")
        opened.label_items(range(10, 20), "b")
        opened.answers("poisson")
    path = place / "answerer"
    opened.answerer.save(path)
    return _of_saved(path)


def student(place: Path) -> Target:
    pixels = np.random.default_rng(0).integers(0, 256, (N_ITEMS, 6, 6)).astype(np.uint8)
    given = np.full(N_ITEMS, -1)
    given[:10] = np.arange(10) % 2
    path = place / "student"
    quick = {"max_rounds": 2, "n_steps": 2, "batch_size": 8, "random_state": 0}
    Student(None, **quick).fit(pixels, given, _teacher()).save(path)
    return _of_saved(path, pixels)


def linear_student(place: Path) -> Target:
    given = np.full(N_ITEMS, -1)
    given[:10] = np.arange(10) % 2
    path = place / "student"
    LinearStudent(max_rounds=2).fit(X, given, _teacher()).save(path)
    return _of_saved(path)


def weights(place: Path) -> Target:
    path = place / "model"
    _gmvae().save(path)
    manifest = json.loads((path / "manifest.json").read_bytes())

    def read(content: bytes) -> None:
        read_tensors(_written(path / WEIGHTS, content))
        manifest["weights_sha256"] = _sha256(path / WEIGHTS)  # who changes one can change the other
        _written(path / "manifest.json", json.dumps(manifest).encode())
        with np.errstate(all="ignore"):  # weights of any size are weights
            GMVAE.load(path, device="cpu").encode(X)

    return Target([(path / WEIGHTS).read_bytes()], read, mutators.of_tensors)


def checkpoint(place: Path) -> Target:
    path = place / "checkpoint"
    write_tensors(path, {"a": np.zeros(3, np.float32)}, {"settings": {}, "history": [{"loss": 1.0}]})

    def read(content: bytes) -> None:
        state = CheckpointFile(_written(path, content), {}, resume=True).restore()
        assert state.epoch >= 0

    return Target([path.read_bytes()], read, mutators.of_tensors)


def image(place: Path) -> Target:
    from PIL import Image

    seeds = []
    for kind, mode in (
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("JPEG", "RGB"),
        ("GIF", "L"),
        ("BMP", "L"),
        ("TIFF", "L"),
    ):
        packed = io.BytesIO()
        Image.new(mode, (5, 4)).save(packed, kind)
        seeds.append(packed.getvalue())
    (place / "images").mkdir()

    def read(content: bytes) -> None:
        _written(place / "images" / "x.png", content)
        read_images(place / "images")

    return Target(seeds, read)


TARGETS: dict[str, Callable[[Path], Target]] = {
    "idx": idx,
    "npz": npz,
    "npy": npy,
    "csv": csv,
    "jsonl": jsonl,
    "labels": labels,
    "label-studio": label_studio,
    "journal": journal,
    "model": model,
    "project": project,
    "pool": pool,
    "encoding": encoding,
    "answerer": answerer,
    "student": student,
    "linear-student": linear_student,
    "weights": weights,
    "checkpoint": checkpoint,
    "image": image,
}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _saved(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    packed = io.BytesIO()
    save(packed, *arrays, **named)
    return packed.getvalue()


def _pooled(path: Path, **options: str) -> None:
    """Read a data set, and remember its items as a new project does."""
    dataset = load_dataset(path, **options)
    made = Pool.of(dataset)
    _ = dataset.describe(), made.fingerprint, json.dumps(made.names).encode()
    made.truth()


def _gmvae() -> GMVAE:
    made = GMVAE(3, n_latent=2, n_hidden=8, n_layers=1, max_epochs=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)
        return made.fit(X)


def _project(place: Path) -> Project:
    np.save(place / "pool.npy", X)
    return Project.create(place / "project", place / "pool.npy", gmvae=_gmvae())


def _teacher() -> np.ndarray:
    return np.tile([0.7, 0.3], (N_ITEMS, 1))


def _of_saved(path: Path, items: np.ndarray = X) -> Target:
    def read(content: bytes) -> None:
        _written(path / "manifest.json", content)
        load(path, device="cpu").predict_proba(items[:3])

    return Target([(path / "manifest.json").read_bytes()], read, mutators.of_json)


def _importing(place: Path, name: str) -> Callable[[bytes], None]:
    """Take labels from a file into a project, all or none, and read its journal again."""
    project = _project(place)
    kept = project.path / "labels.jsonl"

    def take(content: bytes) -> None:
        kept.unlink(missing_ok=True)
        path = _written(place / name, content)
        opened = Project(project.path)
        try:
            with opened:
                opened.import_labels(path)
        except BaseException:
            assert not kept.exists(), "a file that was refused left labels"
            raise
        assert Project(project.path).labels().tolist() == opened.labels().tolist()
        opened.export_labels(place / "out.csv")
        opened.lost_labels()

    return take
