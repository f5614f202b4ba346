"""One drawn class: who is in it, what happens, what each page sends. The same seed gives the same class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classmood.simulation.course import Course, draw_course
from classmood.simulation.page import Page, draw_page
from classmood.simulation.recogniser import Recogniser, measured
from classmood.simulation.scenario import Scenario
from classmood.simulation.student import Student, draw_student


@dataclass(frozen=True, slots=True)
class Lesson:
    """One class of a scenario.

    Attributes:
        students: all in the class, those who refuse included.
        pages: of those who take part, by the student's number.
    """

    scenario: Scenario
    seed: int
    course: Course
    students: tuple[Student, ...]
    pages: dict[int, Page]


def draw(scenario: Scenario, seed: int, *, students: int | None = None, recogniser: Recogniser | None = None) -> Lesson:
    """One class of a scenario.

    Args:
        scenario: the family.
        seed: which of its classes.
        students: how many, in place of the scenario's.
        recogniser: the shipped one by default.
    """
    recogniser = recogniser or measured()
    count = students or scenario.students.number
    # Each has randomness of their own, so that one student more leaves the others as they are.
    ours, *theirs = np.random.SeedSequence(seed).spawn(count + 1)
    course = draw_course(scenario, np.random.default_rng(ours))
    people, pages = [], {}
    for number, sequence in enumerate(theirs):
        rng = np.random.default_rng(sequence)
        student = draw_student(number, scenario, course, rng)
        people.append(student)
        if student.takes_part:
            pages[number] = draw_page(student, scenario, recogniser, rng)
    return Lesson(scenario, seed, course, tuple(people), pages)
