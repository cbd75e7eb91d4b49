"""For messages about files that cannot be read: what they hold."""

from __future__ import annotations

from pathlib import Path

__all__ = ["contents_of", "looks_like_text"]

_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x93NUMPY", "a numpy .npy array"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
)


def contents_of(path: Path) -> str:
    """Say what a file holds, as far as its first bytes tell."""
    start = _start(path)
    if not start:
        return "nothing"
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    return "text" if looks_like_text(path) else "unknown binary data"


def looks_like_text(path: Path) -> bool:
    """Whether the start of a file could be text, in whatever encoding."""
    start = _start(path)
    # Text in an old encoding is still text; a control character other than white space is not.
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in start)


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(1024)
