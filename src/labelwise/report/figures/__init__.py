"""Figures. Each function takes data and returns axes or a figure, and computes and writes nothing."""

from labelwise.report.figures.choice import plot_choice
from labelwise.report.figures.components import plot_component_samples, plot_purity, plot_reconstructions
from labelwise.report.figures.curve import plot_accuracy_curve
from labelwise.report.figures.ladder import plot_ladder
from labelwise.report.figures.latent import plot_latent
from labelwise.report.figures.quality import (
    plot_class_gains,
    plot_confusion,
    plot_reliability,
    plot_risk_coverage,
    plot_uncertainty_gains,
)
from labelwise.report.figures.robustness import plot_robustness
from labelwise.report.figures.vote import plot_vote

__all__ = [
    "plot_accuracy_curve",
    "plot_choice",
    "plot_class_gains",
    "plot_component_samples",
    "plot_confusion",
    "plot_ladder",
    "plot_latent",
    "plot_purity",
    "plot_reconstructions",
    "plot_reliability",
    "plot_risk_coverage",
    "plot_robustness",
    "plot_uncertainty_gains",
    "plot_vote",
]
