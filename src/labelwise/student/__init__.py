"""A compact network that learns from decoded labels, and answers better than its teacher."""

from labelwise.student.estimator import Student
from labelwise.student.refinement import Refinement, refine, student_for

__all__ = ["Refinement", "Student", "refine", "student_for"]
