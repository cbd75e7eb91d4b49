"""A project: data, model, labels and answers in one folder, and the workflow between them."""

from labelwise.project.answers import Answers
from labelwise.project.journal import Decision, Journal
from labelwise.project.project import Project

__all__ = ["Answers", "Decision", "Journal", "Project"]
