"""Take a close look at a finished run and draw it: all that `figure_*.png` and `figures/` show."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from labelwise.data import Dataset, load_dataset
from labelwise.decoding import AutoDecoder
from labelwise.decoding.abstention import risk_coverage
from labelwise.diagnostics.robustness import Robust, measure_robustness
from labelwise.encoding import Encoding
from labelwise.errors import DoubtfulLabelWarning
from labelwise.gmvae import GMVAE
from labelwise.labels import UNLABELED
from labelwise.planning.budget import label_budget
from labelwise.randomness import numpy_generator
from labelwise.report import figures
from labelwise.storage import write_beside
from labelwise.study import analysis
from labelwise.study.answers import auto_decoder
from labelwise.study.features import Task, View
from labelwise.study.ladder import climb
from labelwise.study.methods import AUTO, HARD, LOGISTIC, POISSON, SOFT, XGBOOST, MethodSpec
from labelwise.study.protocol import Study, split_parts
from labelwise.study.results import Summary, read_cells, summarise, write_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As many as fit: more points, images or pairs could not be told apart on a page.
_MAP_ITEMS = 2500
_STRIPS = 36  # components shown in figure 1
_SAMPLES = 8
_RECONSTRUCTIONS = 14
_PAIRS = 5
_PAIR_IMAGES = 10
_SMALL_SHARE = 0.05  # of the pool: a budget above it is no "handful of labels"

# Compared on changed images: ours, and peers that look at pixels.
_ON_CHANGED_IMAGES = (HARD, SOFT, POISSON, LOGISTIC, XGBOOST)


@dataclass(frozen=True, eq=False)
class CloseUp:
    """One model of a run and one draw of labels, in detail.

    Attributes
    ----------
    rows : ndarray of shape (n_pool,), int
        Rows of the data set that are the pool.
    encoding : Encoding
        What the model says of the pool, just as the cells of the study saw it.
    n_labeled : int
        The budget: the first at which soft decoding reaches the target, or else the largest of at most a
        twentieth of the pool.
    map_rows : ndarray of shape (n_shown,), int
        Random items of the pool that maps show.
    maps : dict of str to ndarray of shape (n_shown, 2)
        Their latent means by PCA, t-SNE, and UMAP where it is installed.
    """

    dataset: Dataset
    gmvae: GMVAE
    rows: np.ndarray
    truth: np.ndarray
    names: list[str]
    encoding: Encoding
    n_labeled: int
    decoded: analysis.Decoded
    components: analysis.Components
    map_rows: np.ndarray
    maps: dict[str, np.ndarray]

    @property
    def is_images(self) -> bool:
        """Whether an item can be shown."""
        return len(self.gmvae.item_shape_) > 1

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Items of the pool as pixels within 0..1."""
        X = self.dataset.X[self.rows[rows]]
        return np.asarray(X / 255 if X.dtype == np.uint8 else X)


def look_closely(study: Study, output: Path) -> CloseUp:
    """Load the first model of a run and decode with the first draw of labels."""
    dataset = load_dataset(study.dataset, label_column=study.label_column)
    rows = split_parts(study, dataset).pool
    assert dataset.y is not None and dataset.names is not None  # noqa: S101, PT018 (the run checked it)
    gmvae = GMVAE.load(output / "models" / f"seed-{study.model_seeds[0]}.labelwise")
    X, truth = dataset.X[rows], dataset.y[rows]
    encoding = gmvae.encode(X)
    shown = np.sort(numpy_generator(1).permutation(len(rows))[:_MAP_ITEMS])
    n_labeled = _budget_to_show(summarise(read_cells(output / "results.csv")), study.target)
    return CloseUp(
        dataset=dataset,
        gmvae=gmvae,
        rows=rows,
        truth=truth,
        names=dataset.names,
        encoding=encoding,
        n_labeled=n_labeled,
        decoded=analysis.decode_draw(encoding.posteriors, truth, n_labeled, 0),
        components=analysis.describe_components(encoding.posteriors, truth, len(dataset.names)),
        map_rows=shown,
        maps=_latent_maps(encoding.points().values[shown].astype(np.float64)),
    )


def _budget_to_show(summaries: list[Summary], target: float) -> int:
    rows = sorted((row for row in summaries if row.method == SOFT.id), key=lambda row: row.n_labeled)
    rows = rows or sorted(summaries, key=lambda row: row.n_labeled)
    reached = [row.n_labeled for row in rows if row.mean >= target]
    return (
        reached[0]
        if reached
        else max(row.n_labeled for row in rows if row.fraction <= _SMALL_SHARE or row is rows[0])
    )


def draw_figures(study: Study, output: Path, close: CloseUp) -> dict[str, Path]:
    """Draw and write all figures; return their paths by name."""
    (output / "figures").mkdir(exist_ok=True)
    summaries = summarise(read_cells(output / "results.csv"))
    drawn = {"curve": (output / "figure_3.png", _curve(study, close, summaries))}
    if (vote := _vote(close)) is not None:
        drawn["vote"] = output / "figure_2.png", vote
    if close.is_images:
        drawn["components"] = output / "figure_1.png", _samples(close)
    others = _ladder(close, summaries) | _quality(study, close) | _maps(close)
    if close.is_images:
        others |= {"reconstructions": _reconstructions(close)} | _robustness(study, close, output)
    drawn |= {name: (output / "figures" / f"{name}.png", figure) for name, figure in others.items()}
    for path, figure in drawn.values():
        write_beside(path, lambda temporary, figure=figure: figure.savefig(temporary, format="png"))  # type: ignore[misc]
    return {name: path for name, (path, _) in drawn.items()}


def _curve(study: Study, close: CloseUp, summaries: list[Summary]) -> Figure:
    budget = label_budget(len(close.rows), close.encoding.n_components)
    note = (
        f"Mean of {study.draws} draws of random labels x {len(study.model_seeds)} model seeds; bands: "
        "95% interval (Student's t over draws; with several models, both as crossed random effects)"
    )
    axes = figures.plot_accuracy_curve(
        summaries,
        target=study.target,
        n_components=close.encoding.n_components,
        n_covering=budget.finite or budget.random,
        title=f"{close.dataset.name}: accuracy against labels",
        note=note,
    )
    return _figure_of(axes)


def _vote(close: CloseUp) -> Figure | None:
    vote = analysis.find_vote(close.encoding.posteriors, close.truth, close.decoded)
    if vote is None:
        return None
    image = close.images(np.array([vote.row]))[0] if close.is_images else None
    title = f"Soft decoding is right, hard decoding wrong ({close.n_labeled:,} labels, draw 0)"
    return figures.plot_vote(image, vote, close.names, title)


def _ladder(close: CloseUp, summaries: list[Summary]) -> dict[str, Figure]:
    rungs = climb(summaries)
    if not rungs:
        return {}
    return {
        "ladder": _figure_of(figures.plot_ladder(rungs, title=f"{close.dataset.name}: what each step adds"))
    }


def _maps(close: CloseUp) -> dict[str, Figure]:
    rows = close.map_rows
    return {
        f"latent_{name.lower().replace('-', '')}": figures.plot_latent(
            points,
            close.truth[rows],
            close.encoding.top[rows],
            close.names,
            f"Latent means of {len(rows):,} items by {name}",
        )
        for name, points in close.maps.items()
    }


def _samples(close: CloseUp) -> Figure:
    """Samples of up to 36 components: the largest of each class in turn, to show the variants of a class."""
    components = close.components
    order = np.argsort(-components.shares, kind="stable")
    turns: list[tuple[int, int, int]] = []
    seen: dict[int, int] = {}
    for component in order:
        code = int(components.classes[component])
        if code >= 0:
            turns.append((seen.get(code, 0), code, int(component)))
            seen[code] = seen.get(code, 0) + 1
    shown = sorted((code, turn, component) for turn, code, component in sorted(turns)[:_STRIPS])
    images = np.stack([close.gmvae.sample(_SAMPLES, component=c, random_state=c)[0] for _, _, c in shown])
    captions = [
        f"{close.names[code][:7]} {components.purity[c]:4.0%} {components.shares[c]:5.1%} #{c}"
        for code, _, c in shown
    ]
    title = (
        f"Samples from {len(shown)} of {len(components.shares)} components: "
        "largest class, purity, share, number"
    )
    return figures.plot_component_samples(np.clip(images, 0, 1), captions, title)


def _reconstructions(close: CloseUp) -> Figure:
    rows = np.sort(numpy_generator(0).permutation(len(close.rows))[:_RECONSTRUCTIONS])
    items = close.images(rows)
    decoded = close.gmvae.reconstruct(close.dataset.X[close.rows[rows]])
    return figures.plot_reconstructions(
        items, np.clip(decoded, 0, 1), "Items (above) and their reconstructions (below)"
    )


def _robustness(study: Study, close: CloseUp, output: Path) -> dict[str, Figure]:
    """Measure and draw accuracy on changed images, and write it to `robustness.csv`."""
    methods = {
        method.id: _on_changed_images(method) for method in _ON_CHANGED_IMAGES if method.id in study.methods
    }
    if not methods:
        return {}

    def prepare(images: np.ndarray) -> View:
        return View(images.reshape(len(images), -1), encoding=close.gmvae.encode(images))

    rows = measure_robustness(close.dataset.X[close.rows], close.truth, close.decoded.y, prepare, methods)
    write_rows(output / "robustness.csv", rows, Robust)
    title = f"Accuracy on changed images, with {close.n_labeled:,} labels of unchanged ones"
    return {"robustness": figures.plot_robustness(rows, title)}


def _on_changed_images(method: MethodSpec) -> Callable[[View, np.ndarray, View], np.ndarray]:
    def answer(known: View, y: np.ndarray, changed: View) -> np.ndarray:
        answers = method.run(Task(known, changed), y, 0).held_out
        assert answers is not None  # noqa: S101 (there are held-out items: the changed ones)
        return answers

    return answer


def _quality(study: Study, close: CloseUp) -> dict[str, Figure]:
    Q, truth, decoded = close.encoding.posteriors, close.truth, close.decoded
    labels = f"{close.n_labeled:,} labels"
    gains = analysis.class_gains(Q, truth, close.n_labeled, range(study.draws))
    entropy, margin = analysis.posterior_entropy(Q), analysis.posterior_margin(Q)
    parts = {
        "entropy of q(c | x), nats": analysis.gains_by(
            entropy, truth, decoded, np.linspace(0, max(entropy.max(), 1e-9), 9)
        ),
        "margin of q(c | x)": analysis.gains_by(margin, truth, decoded, np.linspace(0, 1, 9)),
    }
    stated, right = stated_and_right(close)
    reliability = {method.label: analysis.reliability(stated[method], right[method]) for method in right}
    curves = {method.label: risk_coverage(stated[method], right[method]) for method in right}
    return {
        "purity": _figure_of(
            figures.plot_purity(
                close.components, close.names, f"Components: mean purity {close.components.mean_purity:.1%}"
            )
        ),
        "gain_by_class": figures.plot_class_gains(
            gains, close.names, f"Gain of soft over hard decoding by class, {labels}, {study.draws} draws"
        ),
        "gain_by_uncertainty": figures.plot_uncertainty_gains(
            parts, f"Accuracy by uncertainty of the posterior, {labels}"
        ),
        "reliability": _figure_of(
            figures.plot_reliability(reliability, f"Are the probabilities right? {labels}")
        ),
        "risk_coverage": _figure_of(
            figures.plot_risk_coverage(
                curves, f"Errors that remain when only sure answers are given, {labels}"
            )
        ),
        "confusion": _confusion(close, f"Soft decoding with {labels}: which classes are confused"),
    }


def _confusion(close: CloseUp, title: str) -> Figure:
    decoded, truth = close.decoded, close.truth
    unlabeled = decoded.y == UNLABELED
    table = analysis.confusion(truth[unlabeled], decoded.soft_answers[unlabeled], len(close.names))
    pairs = analysis.worst_pairs(table, _PAIRS)
    images = [
        close.images(
            np.flatnonzero(unlabeled & (truth == code) & (decoded.soft_answers == answer))[:_PAIR_IMAGES]
        )
        for code, answer in pairs
        if close.is_images
    ]
    return figures.plot_confusion(table, close.names, pairs, images, title)


def fit_auto(close: CloseUp) -> AutoDecoder:
    """Fit the decoder that the cells of "auto" fitted to the same labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulLabelWarning)  # true labels, drawn by the study itself
        return auto_decoder().fit(close.encoding, close.decoded.y)


def stated_and_right(close: CloseUp) -> tuple[dict[MethodSpec, np.ndarray], dict[MethodSpec, np.ndarray]]:
    """For three methods the probability of each answer and whether it is right, on items without a label."""
    decoded, truth = close.decoded, close.truth
    unlabeled = decoded.y == UNLABELED
    auto = fit_auto(close)
    probabilities = auto.predict_proba(close.encoding)
    stated = {
        AUTO: probabilities.max(axis=1),
        SOFT: decoded.soft_proba.max(axis=1),
        HARD: decoded.hard.predict_proba(close.encoding.posteriors).max(axis=1),
    }
    right = {
        AUTO: auto.classes_[probabilities.argmax(axis=1)] == truth,
        SOFT: decoded.soft_answers == truth,
        HARD: decoded.hard_answers == truth,
    }
    return (
        {method: values[unlabeled] for method, values in stated.items()},
        {method: values[unlabeled] for method, values in right.items()},
    )


def _figure_of(axes: Axes) -> Figure:
    return axes.get_figure(root=True)  # type: ignore[return-value]  # (the figure made the axes)


def _latent_maps(latents: np.ndarray) -> dict[str, np.ndarray]:
    points = {"PCA": PCA(2, random_state=0).fit_transform(latents)}
    if len(latents) > 30:  # t-SNE's perplexity, which must be below the number of points
        points["t-SNE"] = TSNE(2, init="pca", random_state=0).fit_transform(latents)
    try:
        from umap import UMAP
    except ImportError:
        return points
    points["UMAP"] = UMAP(random_state=0, n_jobs=1).fit_transform(latents)
    return points
