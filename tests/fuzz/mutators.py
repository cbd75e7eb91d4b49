"""Changes that keep the outer shape of a file, so that what is inside is reached."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes], bytes]
Mutator = Callable[[bytes, Change, random.Random], bytes]

STRANGE: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        10**400,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *("", " ", "x", "a" * 300, "1" * 300, "\ud800", "\x00", "\u202e", "-1", "../../x", "/etc/passwd", "=1+1"),
    *([], [[]], [None], [1, "a"], [-1], [2**40], {}, {"a": 1}, {"value": None}, [[[[]]]]),
]


def any_bytes(content: bytes, draw: random.Random) -> bytes:
    """A few bytes changed, put in, taken out or repeated."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] = draw.randrange(256)
            case 1 if changed:
                changed[at % len(changed)] ^= 1 << draw.randrange(8)
            case 2:
                del changed[at : at + draw.randint(1, 16)]
            case 3:
                changed[at:at] = draw.randbytes(draw.randint(1, 8))
            case _:
                changed[at:at] = changed[at : at + draw.randint(1, 64)] * draw.randint(1, 3)
    return bytes(changed)


def plain(content: bytes, change: Change, draw: random.Random) -> bytes:
    """Any bytes of the file."""
    return change(content)


def of_json(content: bytes, change: Change, draw: random.Random) -> bytes:
    """One value of a JSON text is another, is gone, or has another name; or any bytes."""
    if draw.random() < 0.2:
        return change(content)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return change(content)
    with contextlib.suppress(RecursionError, ValueError):
        for _ in range(draw.randint(1, 2)):
            values = _changed(values, draw)
        return json.dumps(values).encode("utf-8", "surrogatepass")
    return change(content)


def of_json_lines(content: bytes, change: Change, draw: random.Random) -> bytes:
    """As `of_json`, in one line of several; or lines that changed places."""
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    match draw.randrange(6):
        case 0:
            lines.insert(draw.randrange(len(lines) + 1), lines[at])
        case 1:
            del lines[at]
        case _:
            lines[at] = of_json(lines[at], change, draw)
    return b"\n".join(lines)


def of_zip(content: bytes, change: Change, draw: random.Random) -> bytes:
    """A member of a zip archive has other bytes, with a checksum that fits; or any bytes."""
    if draw.random() < 0.25:
        return change(content)
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
            members = {name: old.read(name) for name in old.namelist()}
            if not members:
                return change(content)
            chosen = draw.choice(sorted(members))
            members[chosen] = change(members[chosen])
            for name, inside in members.items():
                new.writestr(name, inside, draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    except Exception:  # noqa: BLE001 (what is no archive any more is changed as it is)
        return change(content)
    return packed.getvalue()


def of_gzip(content: bytes, change: Change, draw: random.Random) -> bytes:
    """What is packed has other bytes, with a checksum that fits; or any bytes."""
    if draw.random() < 0.25 or content[:2] != b"\x1f\x8b":
        return change(content)
    try:
        inside = gzip.decompress(content)
    except Exception:  # noqa: BLE001 (as above)
        return change(content)
    return gzip.compress(change(inside), compresslevel=1, mtime=0)


def of_tensors(content: bytes, change: Change, draw: random.Random) -> bytes:
    """A safetensors file with another header, of the length that is said; or any bytes."""
    if draw.random() < 0.2 or len(content) < 8:
        return change(content)
    (length,) = struct.unpack("<Q", content[:8])
    if length > len(content):
        return change(content)
    header, values = content[8 : 8 + length], content[8 + length :]
    if draw.random() < 0.2:
        return content[: 8 + length] + change(values)
    header = of_json(header, change, draw)
    return struct.pack("<Q", len(header)) + header + values


def _changed(values: Any, draw: random.Random) -> Any:
    """The same JSON values but for one, at any depth."""
    places = list(_places(values))
    if not places:
        return draw.choice(STRANGE)
    holder, key = draw.choice(places)
    match draw.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[draw.choice([*map(str, holder), "x", "__class__"])] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 3:
            other, there = draw.choice(places)
            with contextlib.suppress(LookupError):
                holder[key] = json.loads(json.dumps(other[there]))
        case _:
            holder[key] = draw.choice(STRANGE)
    return values


def _places(values: Any) -> Any:
    if not isinstance(values, (dict, list)):
        return
    keys = list(values) if isinstance(values, dict) else range(len(values))
    for key in keys:
        yield values, key
        yield from _places(values[key])
