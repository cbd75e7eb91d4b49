"""Measuring methods by the labels they need: label draws, scores, intervals, figures."""
