"""Data sets: a small catalogue, and readers for the user's own files.

Everything comes back as plain numpy arrays in a :class:`Dataset`, which unpacks as ``X, y, names``.
"""

from __future__ import annotations

from labelwise.data.catalogue import dataset_names
from labelwise.data.dataset import Dataset
from labelwise.data.idx import read_idx
from labelwise.data.idx_folder import read_emnist
from labelwise.data.labels import read_labels
from labelwise.data.loading import load_dataset

__all__ = ["Dataset", "dataset_names", "load_dataset", "read_emnist", "read_idx", "read_labels"]
