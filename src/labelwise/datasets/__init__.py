"""Data sets: a small catalogue, and readers for the user's own files.

Everything comes back as plain numpy arrays in a :class:`Dataset`, which unpacks as ``X, y, names``.
"""

from __future__ import annotations

from labelwise.datasets.catalogue import dataset_names
from labelwise.datasets.dataset import Dataset
from labelwise.datasets.idx import read_idx
from labelwise.datasets.idx_folder import read_emnist
from labelwise.datasets.labels import read_labels
from labelwise.datasets.loading import load_dataset

__all__ = ["Dataset", "dataset_names", "load_dataset", "read_emnist", "read_idx", "read_labels"]
