import builtins

import numpy as np
import pytest

from labelwise.data import load_dataset
from labelwise.errors import DataError, MissingExtraError, ParameterError

Image = pytest.importorskip("PIL.Image")

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 10
COLOUR = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def put(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)


def refusal(folder, **options):
    with pytest.raises(DataError) as caught:
        load_dataset(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "FOLDER")


def test_grey_images_in_the_order_of_their_paths(tmp_path):
    for name, value in (("b.png", 2), ("deep/er/c.bmp", 3), ("a.TIF", 1)):
        put(tmp_path / name, np.full((4, 5), value, np.uint8))
    put(tmp_path / ".hidden.png", COLOUR)
    put(tmp_path / ".cache" / "x.png", COLOUR)
    (tmp_path / "notes.txt").write_text("no image")
    data = load_dataset(tmp_path)
    assert data.X.shape == (3, 4, 5)
    assert data.X.dtype == np.uint8
    assert data.X[:, 0, 0].tolist() == [1, 2, 3]
    assert data.paths == ["a.TIF", "b.png", "deep/er/c.bmp"]
    assert (data.y, data.names, data.skipped) == (None, None, [])
    assert str(data) == f"{tmp_path.name}: 3 images of 4x5, uint8, no labels"


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "gif", "webp", "jpg", "jpeg"])
def test_every_ending(tmp_path, ending):
    put(tmp_path / f"x.{ending}", COLOUR, **({"lossless": True} if ending == "webp" else {}))
    X = load_dataset(tmp_path).X
    assert X.shape == (1, 4, 5, 3)
    if ending in ("png", "bmp", "tiff", "webp"):
        np.testing.assert_array_equal(X[0], COLOUR)


def test_colour_palette_and_black_and_white(tmp_path):
    put(tmp_path / "c" / "x.png", COLOUR)
    put(tmp_path / "p" / "x.png", Image.fromarray(COLOUR).quantize(256))
    put(tmp_path / "bw" / "x.png", Image.fromarray(GREY > 90))
    np.testing.assert_array_equal(load_dataset(tmp_path / "c").X[0], COLOUR)
    np.testing.assert_array_equal(load_dataset(tmp_path / "p").X[0], COLOUR)
    np.testing.assert_array_equal(load_dataset(tmp_path / "bw").X[0], (GREY > 90) * 255)


def test_clear_pixels_are_laid_over_white(tmp_path):
    ink = np.zeros((4, 5, 4), np.uint8)
    ink[1, 1, 3] = 255
    put(tmp_path / "rgba" / "x.png", ink)
    put(tmp_path / "la" / "x.png", Image.fromarray(ink).convert("LA"))
    put(tmp_path / "key" / "x.png", np.where(ink[..., 3] > 0, 7, 0).astype(np.uint8), transparency=0)
    for folder, dark in (("rgba", [0, 0, 0]), ("la", 0), ("key", 7)):
        X = load_dataset(tmp_path / folder).X
        assert X.shape[1:] == ((4, 5, 3) if folder == "rgba" else (4, 5))
        assert np.array_equal(X[0, 1, 1], dark)
        assert (np.delete(X[0].reshape(20, -1), 6, axis=0) == 255).all()


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    put(tmp_path / "x.png", GREY, exif=exif)
    np.testing.assert_array_equal(load_dataset(tmp_path).X[0], np.rot90(GREY, -1))


def test_subfolders_are_classes(tmp_path):
    for name in ("dog/1.png", "cat/1.png", "cat/2.png"):
        put(tmp_path / name, GREY)
    data = load_dataset(tmp_path)
    assert data.paths == ["cat/1.png", "cat/2.png", "dog/1.png"]
    assert data.names == ["cat", "dog"]
    assert data.y.tolist() == [0, 0, 1]


@pytest.mark.parametrize("odd", ["1.png", "dog/old/1.png"])
def test_other_layouts_have_no_classes(tmp_path, odd):
    for name in ("dog/1.png", "cat/1.png", odd):
        put(tmp_path / name, GREY)
    assert load_dataset(tmp_path).y is None


def test_one_subfolder_is_no_class(tmp_path):
    put(tmp_path / "images" / "1.png", GREY)
    assert load_dataset(tmp_path).y is None


def test_images_that_differ(tmp_path):
    put(tmp_path / "a.png", GREY)
    put(tmp_path / "b.png", GREY)
    put(tmp_path / "c.png", GREY[:, :3])
    assert refusal(tmp_path) == (
        "FOLDER/c.png is 3x4 in grey but a.png is 5x4 in grey: "
        "all images of a folder must be alike, so convert them to one size and colour first, or let "
        "a pre-trained model read them: --features image:…"
    )
    put(tmp_path / "b.png", COLOUR)
    assert refusal(tmp_path).startswith("FOLDER/b.png is 5x4 in colour but a.png is 5x4 in grey: ")


def test_no_images(tmp_path):
    assert refusal(tmp_path) == (
        "FOLDER holds no images: looked for .png, .jpg, .jpeg, .bmp, .gif, .tif, .tiff, .webp, "
        "subfolders included; files of rows or texts must lie in the folder itself"
    )


def damage(folder):
    put(folder / "a.png", GREY)
    (folder / "b.png").write_text("no image")
    (folder / "c.png").write_bytes(b"")
    put(folder / "d.jpg", np.zeros((4, 5, 3), np.uint8))
    whole = (folder / "d.jpg").read_bytes()
    (folder / "d.jpg").write_bytes(whole[:-20])
    put(folder / "e.png", (GREY.astype(np.uint16) * 200))
    put(folder / "f.png", GREY)


def test_an_unreadable_image(tmp_path):
    damage(tmp_path)
    assert refusal(tmp_path) == (
        "FOLDER/b.png cannot be read as an image (unknown format): "
        "remove it, or skip such files with on_unreadable='skip' (on the command line: --skip-unreadable)"
    )
    (tmp_path / "b.png").unlink()
    assert "FOLDER/c.png cannot be read as an image (the file is empty): " in refusal(tmp_path)
    (tmp_path / "c.png").unlink()
    assert "FOLDER/d.jpg cannot be read as an image (" in refusal(tmp_path)
    (tmp_path / "d.jpg").unlink()
    assert refusal(tmp_path) == (
        "FOLDER/e.png has more than 8 bits a pixel (mode I;16); convert it to 8 bits: "
        "remove it, or skip such files with on_unreadable='skip' (on the command line: --skip-unreadable)"
    )


def test_unreadable_images_are_skipped_on_request(tmp_path):
    damage(tmp_path)
    data = load_dataset(tmp_path, on_unreadable="skip")
    assert data.paths == ["a.png", "f.png"]
    np.testing.assert_array_equal(data.X, [GREY, GREY])
    assert [path for path, _ in data.skipped] == ["b.png", "c.png", "d.jpg", "e.png"]
    assert data.skipped[0][1] == "cannot be read as an image (unknown format)"
    assert str(data).endswith("4 unreadable skipped")


def test_nothing_but_unreadable_images(tmp_path):
    (tmp_path / "b.png").write_text("no image")
    assert refusal(tmp_path, on_unreadable="skip") == (
        "FOLDER: none of its 1 images can be read; the first cannot be read as an image (unknown format)"
    )


# Pillow warns of some damage that it then reads past.
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_bytes_flipped_anywhere_give_an_error_of_ours(tmp_path):
    """A decoder may fail in many ways; none may escape, and what it still reads is fine."""
    random, refused = np.random.default_rng(0), []
    for ending in ("png", "gif", "bmp", "tif", "jpg", "webp"):
        put(tmp_path / f"x.{ending}", COLOUR)
        whole = (tmp_path / f"x.{ending}").read_bytes()
        for _ in range(30):
            content = bytearray(whole)
            for place in random.integers(0, min(len(whole), 200), 4):
                content[place] = random.integers(0, 256)
            (tmp_path / f"x.{ending}").write_bytes(content)
            try:
                load_dataset(tmp_path)
            except DataError as error:
                refused.append(str(error))
        (tmp_path / f"x.{ending}").unlink()
    assert len(refused) > 50
    assert not any("\n" in text for text in refused)


def test_unknown_choice(tmp_path):
    with pytest.raises(ParameterError) as caught:
        load_dataset(tmp_path, on_unreadable="ignore")
    assert str(caught.value) == "on_unreadable must be 'raise' or 'skip', got 'ignore'"


def test_without_pillow(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    put(tmp_path / "x.png", GREY)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        load_dataset(tmp_path)
    assert str(caught.value) == (
        'reading images needs pillow, which is not installed: pip install "labelwise[data]"'
    )
