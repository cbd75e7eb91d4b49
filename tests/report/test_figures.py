"""Figures are returned, not shown or written, and say what they should."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from labelwise.errors import MissingExtraError
from labelwise.report.figures import plot_accuracy_curve, plot_component_samples
from labelwise.study.results import Summary

matplotlib_figure = pytest.importorskip("matplotlib.figure")

IMAGES = np.random.default_rng(0).random((7, 4, 5, 6))
CAPTIONS = [f"component {c}" for c in range(7)]


@pytest.mark.parametrize("n_components", [1, 3, 7])
def test_every_component_has_its_caption_and_its_strip(n_components):
    figure = plot_component_samples(IMAGES[:n_components], CAPTIONS[:n_components], "All of them")
    assert isinstance(figure, matplotlib_figure.Figure)
    assert figure.get_suptitle() == "All of them"
    assert [text.get_text() for text in figure.texts if text.get_text() != "All of them"] == (
        CAPTIONS[:n_components]
    )
    assert len(figure.axes) == n_components
    for axes, images in zip(figure.axes, IMAGES, strict=False):
        shown = np.asarray(axes.images[0].get_array())
        assert shown.shape == (5, 4 * (6 + 1))  # a column of white after each sample
        for number, image in enumerate(images):
            np.testing.assert_array_equal(shown[:, number * 7 : number * 7 + 6], image)
            np.testing.assert_array_equal(shown[:, number * 7 + 6], 0)
        assert axes.images[0].get_clim() == (0, 1)


def test_nothing_lies_outside_or_over_another():
    figure = plot_component_samples(IMAGES, CAPTIONS, "Title")
    boxes = [axes.get_position() for axes in figure.axes]
    for number, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1
        for other in boxes[number + 1 :]:
            apart = box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 or other.y1 <= box.y0
            assert apart


def test_it_can_be_written(tmp_path):
    plot_component_samples(IMAGES, CAPTIONS, "Title").savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_images_and_captions_must_be_as_many():
    with pytest.raises(ValueError, match="shorter"):
        plot_component_samples(IMAGES, CAPTIONS[:3], "Title")


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_matplotlib(name, *arguments, **options):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(MissingExtraError) as caught:
        plot_component_samples(IMAGES, CAPTIONS, "Title")
    assert "matplotlib" in str(caught.value)
    assert "labelwise[study]" in str(caught.value)


def test_the_curve_calls_methods_by_label_and_lists_the_best_at_the_right_end_first():
    rows = [
        Summary("toy", n_labeled, method, mean, 0.01, 5, fraction=n_labeled / 1000)
        for method, means in {"hard-published": (0.5, 0.7), "poisson-typiclust": (0.4, 0.9)}.items()
        for n_labeled, mean in zip((10, 100), means, strict=True)
    ]
    axes = plot_accuracy_curve(rows, target=0.8, n_components=20, n_covering=50, title="toy")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "poisson, TypiClust",
        "hard (as published)",
    ]
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert drawn["hard (as published)"] == [0.5, 0.7]
