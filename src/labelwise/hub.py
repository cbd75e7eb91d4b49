"""What goes with a saved answer: a card for people, and ways to the Hugging Face hub and back, when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from labelwise.errors import DownloadError, MissingExtraError, StorageError, first_line

HUB = "hub:"
"""What names on the hub begin with: without it, a name is a folder."""

_CARD = "README.md"
_FILES = ("*.json", "*.safetensors", _CARD)  # of an answer; nothing else is fetched


class HubMixin:
    """Sharing of what has `save` and `load`.

    Attributes
    ----------
    card_ : str
        Markdown that says what it is: README.md in its folder. Empty where nobody has written one.
    """

    card_: str = ""
    save: ClassVar[Callable[..., None]]
    load: ClassVar[Callable[..., Any]]

    def push_to_hub(
        self, name: str, *, private: bool | None = None, message: str = "labelwise answerer"
    ) -> str:
        """Upload it to the Hugging Face hub, for which a token must be set up there.

        Parameters
        ----------
        name : str
            Of the repository, such as "ana/birds"; it is made where there is none.
        private : bool, default=None
            Of a new repository; None takes what the organisation does.
        message : str
            Of the commit.

        Returns
        -------
        str
            Its address.

        Raises
        ------
        MissingExtraError
            If huggingface_hub is not installed.
        StorageError
            If it cannot be uploaded.
        """
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            raise MissingExtraError("sharing an answerer", "huggingface_hub", "hub") from error
        name = name.removeprefix(HUB)
        with TemporaryDirectory() as folder:
            place = Path(folder) / "answerer"
            self.save(place)
            try:
                with _connected():
                    api = HfApi()
                    address = api.create_repo(name, private=private, exist_ok=True)
                    api.upload_folder(repo_id=name, folder_path=place, commit_message=message)
            except (OSError, ValueError) as error:
                raise StorageError(f"{name} cannot be uploaded to the hub: {first_line(error)}") from error
        return str(address)

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> Self:
        """Read what `save` wrote to a folder, or `push_to_hub` to the hub; nothing is unpickled.

        Parameters
        ----------
        name : path
            A folder; or "hub:NAME" for the repository NAME of the Hugging Face hub. Without "hub:" nothing is
            ever downloaded.
        **options
            Of `load`.

        Raises
        ------
        StorageError
            If there is none, or it is damaged or from a newer labelwise.
        DownloadError
            If it cannot be downloaded.
        """
        found: Self = cls.load(fetched(name), **options)
        return found


def fetched(name: str | Path) -> Path:
    """The folder of that name; "hub:NAME" is downloaded to the cache of the hub, where it is not there yet.

    Raises
    ------
    MissingExtraError, DownloadError
    """
    if not str(name).startswith(HUB):
        return Path(name)
    repository = str(name).removeprefix(HUB)
    try:
        return snapshot(repository, _FILES)
    except ImportError as error:
        raise MissingExtraError("downloading an answerer", "huggingface_hub", "hub") from error
    except (OSError, ValueError) as error:
        raise DownloadError(
            f"{repository} could not be downloaded ({first_line(error)}): get its files and name their "
            "folder instead"
        ) from error


def snapshot(repository: str, patterns: Sequence[str]) -> Path:
    """Files of a repository, in the hub's cache. No bar is drawn: it would get in the way of ours.

    Raises
    ------
    ImportError, OSError, ValueError
        As the hub's library gives them.
    """
    from huggingface_hub import snapshot_download
    from tqdm import tqdm

    class Silent(tqdm):  # type: ignore[misc, type-arg, unused-ignore]
        """A bar that is not drawn."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

    with _connected():
        return Path(snapshot_download(repository, allow_patterns=list(patterns), tqdm_class=Silent))


@contextmanager
def _connected() -> Iterator[None]:
    """Give errors of a connection as OSErrors: those of requests are, those of httpx and httpx2 are not.

    The hub's library has had all three below it. Its own error derives from the base of theirs.
    """
    from huggingface_hub.errors import HfHubHTTPError

    bases: tuple[type[Exception], ...] = HfHubHTTPError.__bases__
    try:
        yield
    except bases as error:
        if isinstance(error, OSError):
            raise
        raise OSError(first_line(error)) from error


def write_card(folder: Path, text: str) -> None:
    """Put a card into a folder; an empty one is none."""
    if text:
        (folder / _CARD).write_text(text, encoding="utf-8")


def read_card(folder: Path) -> str:
    """The card in a folder; empty if there is none that can be read."""
    try:
        return (folder / _CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
