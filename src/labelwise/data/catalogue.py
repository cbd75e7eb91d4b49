"""The data sets known by name: their files, addresses, checksums and classes.

A checksum belongs to an address, not to a data set: mirrors may pack the same images differently.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

__all__ = ["CATALOGUE", "Address", "CatalogueEntry", "RemoteFile", "dataset_names"]


@dataclass(frozen=True)
class Address:
    """Where a file can be had, and the checksum (``"md5:..."`` or ``"sha256:..."``) it has there."""

    url: str
    checksum: str


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: the name it is kept under, and its addresses in the order to try them."""

    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class CatalogueEntry:
    """A data set in IDX files: images and labels, for training and for testing.

    Attributes
    ----------
    name : str
        What the user asks for.
    names : tuple of str
        Names of the classes, in the order of their labels.
    releases : tuple of (int, int)
        Known numbers of training and test images, the current release first.
    folders : tuple of str
        Names a local folder of this data set commonly has; the first is also its cache folder.
    files : tuple of RemoteFile
        What to download: one archive, or the four files.
    prefix : str
        What file names start with, before "train" and "test".
    parts : (str, str)
        How file names call the training and the test part.
    first_label : int
        The label of the first class.
    transposed : bool
        Whether files hold images with rows and columns exchanged.
    """

    name: str
    names: tuple[str, ...]
    releases: tuple[tuple[int, int], ...]
    folders: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    prefix: str = ""
    parts: tuple[str, str] = ("train", "t10k")
    first_label: int = 0
    transposed: bool = False

    def stems(self) -> list[str]:
        """Names of the four files, without ``.gz``: training images and labels, then test."""
        kinds = ("images-idx3", "labels-idx1")
        return [f"{self.prefix}{part}-{kind}-ubyte" for part in self.parts for kind in kinds]


def dataset_names() -> list[str]:
    """Names that :func:`load_dataset` knows.

    Returns
    -------
    names : list of str
        ``"digits"``, which is embedded, then the catalogue.
    """
    return ["digits", *CATALOGUE]


def _four_files(bases: tuple[str, ...], sha256: tuple[str, str, str, str]) -> tuple[RemoteFile, ...]:
    stems = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    return tuple(
        RemoteFile(f"{stem}.gz", tuple(Address(f"{base}{stem}.gz", f"sha256:{checksum}") for base in bases))
        for stem, checksum in zip(stems, sha256, strict=True)
    )


# The address of this archive moved in 2018, 2019, 2022 and 2024, hence several. The university's copy
# is packed differently from NIST's, so it has its own checksum.
_EMNIST_ARCHIVE = RemoteFile(
    "emnist-gzip.zip",
    (
        Address(
            "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip", "md5:58c8d27c78d21e728a6bc7b3cc06412e"
        ),
        Address(
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
            "md5:58c8d27c78d21e728a6bc7b3cc06412e",
        ),
        Address(
            "https://rds.westernsydney.edu.au/Institutes/MARCS/BENS/EMNIST/emnist-gzip.zip",
            "sha256:909a2a39c5e86bdd7662425e9b9c4a49bb582bf8d0edad427f3c3a9d0c6f7259",
        ),
    ),
)


def _emnist(
    subset: str, names: tuple[str, ...], releases: tuple[tuple[int, int], ...], first_label: int
) -> CatalogueEntry:
    return CatalogueEntry(
        name=f"emnist-{subset}",
        names=names,
        releases=releases,
        folders=("emnist", f"emnist-{subset}", "EMNIST"),
        files=(_EMNIST_ARCHIVE,),
        prefix=f"emnist-{subset}-",
        parts=("train", "test"),
        first_label=first_label,
        transposed=True,
    )


_DIGITS = tuple(string.digits)
_FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# In this subset 15 lower-case letters that look like their capitals are merged with them.
_BALANCED = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")

_ENTRIES = (
    CatalogueEntry(
        name="mnist",
        names=_DIGITS,
        releases=((60_000, 10_000),),
        folders=("mnist", "MNIST"),
        files=_four_files(
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    CatalogueEntry(
        name="fashion-mnist",
        names=_FASHION,
        releases=((60_000, 10_000),),
        folders=("fashion-mnist", "fashion", "FashionMNIST"),
        files=_four_files(
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ),
            (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    CatalogueEntry(
        name="kmnist",
        names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        releases=((60_000, 10_000),),
        folders=("kmnist", "KMNIST"),
        files=_four_files(
            (
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ),
            (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        ),
    ),
    # Two releases of the letters are about; several mirrors hold the older, smaller one.
    _emnist("letters", tuple(string.ascii_lowercase), ((124_800, 20_800), (88_800, 14_800)), first_label=1),
    _emnist("balanced", _BALANCED, ((112_800, 18_800),), first_label=0),
    _emnist("digits", _DIGITS, ((240_000, 40_000),), first_label=0),
)

CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in _ENTRIES}
"""The data sets known by name."""
