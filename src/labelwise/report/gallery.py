"""Look closely at a finished run and draw it: everything that `figure_*.png` and `figures/` show."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from labelwise.data import Dataset, load_dataset
from labelwise.decoding import AutoDecoder
from labelwise.decoding.abstention import risk_coverage
from labelwise.encoding import Encoding
from labelwise.errors import DoubtfulLabelWarning
from labelwise.gmvae import GMVAE
from labelwise.labels import UNLABELED
from labelwise.planning.budget import label_budget
from labelwise.randomness import numpy_generator
from labelwise.report import figures
from labelwise.report.findings import SOFT
from labelwise.storage import write_beside
from labelwise.study import analysis
from labelwise.study.ladder import climb
from labelwise.study.protocol import Study, split_parts
from labelwise.study.results import Summary, read_cells, summarise, write_rows
from labelwise.study.robustness import Robust, measure_robustness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAP_ITEMS = 2500
_STRIPS = 36  # components shown in figure 1
_SAMPLES = 8
_RECONSTRUCTIONS = 14
_PAIRS = 5
_PAIR_IMAGES = 10
# Compared on changed images: ours, and peers that look at pixels.
_ROBUSTNESS = ("hard", "soft", "poisson", "logistic regression", "XGBoost")


@dataclass(frozen=True, eq=False)
class CloseUp:
    """One model of a run and one draw of labels, looked at closely.

    Attributes
    ----------
    rows : ndarray of shape (n_pool,), int
        Rows of the data set that are the pool.
    encoding : Encoding
        What the model says of the pool, as the cells of the study saw it.
    n_labeled : int
        The budget: the first at which soft decoding reaches the target, or the largest one below a twentieth
        of the pool.
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
    """Load the first model of a run and decode the first draw of labels."""
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
    rows = sorted((row for row in summaries if row.method == SOFT), key=lambda row: row.n_labeled)
    rows = rows or sorted(summaries, key=lambda row: row.n_labeled)
    reached = [row.n_labeled for row in rows if row.mean >= target]
    return (
        reached[0]
        if reached
        else max(row.n_labeled for row in rows if row.fraction <= 0.05 or row is rows[0])
    )


def draw_figures(study: Study, output: Path, close: CloseUp) -> dict[str, Path]:
    """Draw and write all figures; returns their paths by name."""
    (output / "figures").mkdir(exist_ok=True)
    drawn: dict[str, tuple[Path, Figure]] = {}
    summaries = summarise(read_cells(output / "results.csv"))
    drawn["curve"] = output / "figure_3.png", _curve(study, close, summaries)
    vote = analysis.find_vote(close.encoding.posteriors, close.truth, close.decoded)
    if vote is not None:
        image = close.images(np.array([vote.row]))[0] if close.is_images else None
        title = f"Soft decoding corrects hard decoding ({close.n_labeled:,} labels, draw 0)"
        drawn["vote"] = output / "figure_2.png", figures.plot_vote(image, vote, close.names, title)
    if close.is_images:
        drawn["components"] = output / "figure_1.png", _samples(close)
        drawn["reconstructions"] = output / "figures" / "reconstructions.png", _reconstructions(close)
    if close.is_images and (robust := _robustness(study, close)):
        write_rows(output / "robustness.csv", robust, Robust)
        title = f"Accuracy on changed images, {close.n_labeled:,} labels of unchanged ones"
        drawn["robustness"] = output / "figures" / "robustness.png", figures.plot_robustness(robust, title)
    if rungs := climb(summaries):
        title = f"{close.dataset.name}: what each step adds"
        ladder: Figure = _figure_of(figures.plot_ladder(rungs, title=title))
        drawn["ladder"] = output / "figures" / "ladder.png", ladder
    for name, figure in _quality(study, close).items():
        drawn[name] = output / "figures" / f"{name}.png", figure
    for name, points in close.maps.items():
        rows = close.map_rows
        title = f"Latent means of {len(rows):,} items by {name}"
        figure = figures.plot_latent(
            points, close.truth[rows], close.encoding.posteriors[rows].argmax(axis=1), close.names, title
        )
        drawn[f"latent_{name.lower().replace('-', '')}"] = (
            output / "figures" / f"latent_{name.lower().replace('-', '')}.png",
            figure,
        )
    for path, figure in drawn.values():
        write_beside(path, lambda temporary, figure=figure: figure.savefig(temporary, format="png"))  # type: ignore[misc]
    return {name: path for name, (path, _) in drawn.items()}


def _curve(study: Study, close: CloseUp, summaries: list[Summary]) -> Figure:
    n_components = close.encoding.posteriors.shape[1]
    budget = label_budget(len(close.rows), n_components)
    note = (
        f"Mean of {study.draws} draws of random labels x {len(study.model_seeds)} model seeds; bands: "
        "95 % interval (Student's t over draws; where there are several models, both are crossed effects)"
    )
    title = f"{close.dataset.name}: accuracy against labels"
    axes = figures.plot_accuracy_curve(
        summaries,
        target=study.target,
        n_components=n_components,
        n_covering=budget.finite or budget.random,
        title=title,
        note=note,
    )
    figure: Figure = _figure_of(axes)
    return figure


def _samples(close: CloseUp) -> Figure:
    """Up to 36 components: the largest of each class in turn, so that variants of a class are seen."""
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
        items, np.clip(decoded, 0, 1), "Items, and what the model makes of them"
    )


def _robustness(study: Study, close: CloseUp) -> list[Robust]:
    wanted = [name for name in _ROBUSTNESS if name in study.methods]
    images = close.dataset.X[close.rows]
    return measure_robustness(close.gmvae, images, close.truth, close.decoded.y, wanted)


def _quality(study: Study, close: CloseUp) -> dict[str, Any]:
    decoded, truth = close.decoded, close.truth
    unlabeled = decoded.y == UNLABELED
    labels = f"{close.n_labeled:,} labels"
    purity = figures.plot_purity(
        close.components, close.names, f"Components: mean purity {close.components.mean_purity:.1%}"
    )
    gains = analysis.class_gains(close.encoding.posteriors, truth, close.n_labeled, range(study.draws))
    entropy = analysis.posterior_entropy(close.encoding.posteriors)
    margin = analysis.posterior_margin(close.encoding.posteriors)
    parts = {
        "entropy of q(c | x), nats": analysis.gains_by(
            entropy, truth, decoded, np.linspace(0, max(entropy.max(), 1e-9), 9)
        ),
        "margin of q(c | x)": analysis.gains_by(margin, truth, decoded, np.linspace(0, 1, 9)),
    }
    stated, right = _stated_and_right(close)
    reliability = {
        name: analysis.reliability(stated[name][unlabeled], right[name][unlabeled]) for name in right
    }
    curves = {name: risk_coverage(stated[name][unlabeled], right[name][unlabeled]) for name in right}
    table = analysis.confusion(truth[unlabeled], decoded.soft_answers[unlabeled], len(close.names))
    pairs = analysis.worst_pairs(table, _PAIRS)
    images = [
        close.images(
            np.flatnonzero(unlabeled & (truth == code) & (decoded.soft_answers == answer))[:_PAIR_IMAGES]
        )
        for code, answer in pairs
        if close.is_images
    ]
    return {
        "purity": _figure_of(purity),
        "gain_by_class": figures.plot_class_gains(
            gains, close.names, f"Gain of soft over hard decoding by class, {labels}, {study.draws} draws"
        ),
        "gain_by_uncertainty": figures.plot_uncertainty_gains(
            parts, f"Accuracy by uncertainty of the posterior, {labels}"
        ),
        "reliability": _figure_of(
            figures.plot_reliability(reliability, f"Can probabilities be believed? {labels}")
        ),
        "risk_coverage": _figure_of(
            figures.plot_risk_coverage(curves, f"Errors left when only sure answers are given, {labels}")
        ),
        "confusion": figures.plot_confusion(
            table, close.names, pairs, images, f"Soft decoding with {labels}: what is taken for what"
        ),
    }


def _stated_and_right(close: CloseUp) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """For each decoder the probability of its answers, and whether they are right, of all items."""
    decoded, truth = close.decoded, close.truth
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulLabelWarning)  # true labels, drawn by the study itself
        auto = AutoDecoder().fit(close.encoding, decoded.y)
    answers = auto.predict_proba(close.encoding)
    stated = {
        "auto": answers.max(axis=1),
        "soft": decoded.soft_proba.max(axis=1),
        "hard": decoded.hard.predict_proba(close.encoding.posteriors).max(axis=1),
    }
    right = {
        "auto": auto.classes_[answers.argmax(axis=1)] == truth,
        "soft": decoded.soft_answers == truth,
        "hard": decoded.hard_answers == truth,
    }
    return stated, right


def _figure_of(axes: Any) -> Any:
    return axes.figure


def _latent_maps(latents: np.ndarray) -> dict[str, np.ndarray]:
    points = {"PCA": PCA(2, random_state=0).fit_transform(latents)}
    if len(latents) > 30:  # the perplexity of t-SNE
        points["t-SNE"] = TSNE(2, init="pca", random_state=0).fit_transform(latents)
    try:
        from umap import UMAP
    except ImportError:
        return points
    points["UMAP"] = UMAP(random_state=0, n_jobs=1).fit_transform(latents)
    return points
