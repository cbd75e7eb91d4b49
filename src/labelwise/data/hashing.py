"""Hashes of items: how a project knows them again, and how features that were computed before are found."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.photos import Photos

__all__ = ["hash_items"]


def hash_items(items: NDArray[Any] | Photos, n_bytes: int, *, with_shape: bool = False) -> NDArray[Any]:
    """Hash what each item holds: its values, its text, or the file of a photo.

    Parameters
    ----------
    items : ndarray or Photos
        Texts have the dtype object.
    n_bytes : int
        Length of a hash, at most 16.
    with_shape : bool, default=False
        Whether arrays of other shapes have other hashes, although they hold the same values.

    Returns
    -------
    ndarray of shape (n_samples, n_bytes), uint8
    """
    if isinstance(items, Photos):
        hashed = b"".join(digest[:n_bytes] for digest in items.digests)
    elif items.dtype.kind == "O":
        # What a file or a keyboard gave may hold halves of characters, which UTF-8 has no place for.
        texts = (text.encode("utf-8", "surrogatepass") for text in items)
        hashed = b"".join(hashlib.blake2b(text, digest_size=n_bytes, salt=b"text").digest() for text in texts)
    else:
        salt = items.dtype.str.encode()[:16]
        person = repr(items.shape[1:]).encode()[:16] if with_shape else b""
        rows = (np.ascontiguousarray(row).data for row in items)
        hashed = b"".join(
            hashlib.blake2b(row, digest_size=n_bytes, salt=salt, person=person).digest() for row in rows
        )
    return np.frombuffer(hashed, dtype=np.uint8).reshape(len(items), n_bytes)
