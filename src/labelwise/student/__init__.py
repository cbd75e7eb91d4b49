"""Students, which learn from decoded labels, and answer better than their teacher."""

from labelwise.student.base import BaseStudent
from labelwise.student.estimator import Student
from labelwise.student.linear import LinearStudent
from labelwise.student.refinement import Refinement, are_images, refine, student_for

__all__ = ["BaseStudent", "LinearStudent", "Refinement", "Student", "are_images", "refine", "student_for"]
