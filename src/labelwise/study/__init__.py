"""Measuring methods by the labels they need: draws of labels, scores, intervals."""
