"""Pre-trained models of others: where they are, and whether they are still what they were.

Only weights in safetensors files are loaded: other files of weights can run code when they are read.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from labelwise.errors import DataError, DownloadError, MissingExtraError, first_line
from labelwise.hub import HUB, snapshot

__all__ = ["find_model", "fingerprint_of"]

_HOME_VARIABLE = "LABELWISE_MODELS"
_LOCAL = "local-dir:"
_UNSAFE = ("pytorch_model*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")
_DESCRIBING = (".json", ".model", ".safetensors", ".txt")  # weights, vocabulary, how to prepare items
_DOWNLOADED = [f"*{ending}" for ending in _DESCRIBING]


def find_model(name: str, organisation: str) -> Path:
    """Folder of a model.

    Parameters
    ----------
    name : str
        A folder, also written "local-dir:FOLDER" as timm does; the name of a model in the cache of the
        Hugging Face hub; or "hub:NAME", which is downloaded where it is not in the cache.
    organisation : str
        On the hub, of names without one.

    Raises
    ------
    DataError
        If it is nowhere on this machine. Says where it was looked for, and where to put the files.
    DownloadError
        If "hub:NAME" cannot be downloaded.
    """
    wanted = name.removeprefix(_LOCAL).removeprefix(HUB)
    home = os.environ.get(_HOME_VARIABLE)
    places = [] if name.startswith(HUB) else [Path(os.path.expanduser(wanted))]
    places += [Path(os.path.expanduser(home)) / Path(wanted).name] if home else []
    for place in places:
        if os.path.isdir(place):
            return place.absolute()
    if not name.startswith(_LOCAL) and (kept := _kept(wanted, organisation)) is not None:
        return kept
    if name.startswith(HUB):
        return _download(_full_name(wanted, organisation))
    looked = [str(place.absolute()) for place in places] + ["the cache of the Hugging Face hub"]
    others = "" if home else f", or into {Path(wanted).name}/ in a folder that {_HOME_VARIABLE} names"
    hub = "" if name.startswith(_LOCAL) else f", or let hub:{wanted} download it"
    raise DataError(
        f"there is no model {wanted!r} here (looked in {' and '.join(looked)}): put its files, such as "
        f"model.safetensors and config.json, into {places[0].absolute()}{others}{hub}"
    )


def fingerprint_of(folder: Path) -> str:
    """Hash of all files that make a model what it is.

    Raises
    ------
    DataError
        If it has no weights, or some that are not safetensors.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix in _DESCRIBING and path.is_file())
    safe = {path.parent for path in files if path.suffix == ".safetensors"}
    for path in sorted(found for pattern in _UNSAFE for found in folder.rglob(pattern)):
        if path.parent not in safe:
            raise DataError(
                f"{path} is not loaded, because such files can run code: convert the weights to "
                f"{path.parent / 'model.safetensors'}, with safetensors.torch.save_file of their state_dict"
            )
    if not safe:
        raise DataError(f"{folder} holds no model: there is no model.safetensors in it")
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def _full_name(name: str, organisation: str) -> str:
    return name if "/" in name else f"{organisation}/{name}"


def _kept(name: str, organisation: str) -> Path | None:
    """Where the hub's cache holds a model; None if it does not, or not its weights."""
    try:
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(_full_name(name, organisation), local_files_only=True))
    except (ImportError, OSError, ValueError):  # what is no name of the hub is a ValueError
        return None
    return folder if any(folder.rglob("*.safetensors")) else None


def _download(name: str) -> Path:
    try:
        return snapshot(name, _DOWNLOADED)
    except ImportError as error:
        raise MissingExtraError("downloading a model", "huggingface_hub", "text") from error
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise DownloadError(
            f"{name} could not be downloaded ({reason}): put its files, such as model.safetensors and "
            "config.json, into a folder, and name that instead"
        ) from error
