"""The marking of a class: what each student's checked work comes to, and the mistakes that many made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from backlit.check.records import FEW_DIGITS, CheckedWork


class Made(msgspec.Struct, frozen=True):
    """A mistake that a student made.

    Attributes:
        code: the mistake's in the catalogue; of a tie, all of them joined by " or "; empty where none is known.
        title: what it is, in a few words. at: the first number that it was made at.
    """

    code: str
    title: str
    at: str


class Marked(msgspec.Struct, frozen=True):
    """What the work of a student comes to.

    Attributes:
        student: the name.
        points: how many numbers are no mistake; what follows from an earlier mistake is none, and a mistake that is
            made again counts once. of: how many numbers the sheet asks for.
        first: the first wrong number; empty where there is none.
        mistakes: those made, once each, in the order of the computation.
        carried: how many numbers follow from an earlier wrong one. missing: how many numbers were not given.
        problem: why the work could not be read; empty where it could.
    """

    student: str
    points: int
    of: int
    first: str = ""
    mistakes: tuple[Made, ...] = ()
    carried: int = 0
    missing: int = 0
    problem: str = ""


class Common(msgspec.Struct, frozen=True):
    """What several students did: a mistake by its title, or the first wrong number by its name; and who."""

    what: str
    students: tuple[str, ...]
    code: str = ""


class ClassResult(msgspec.Struct, frozen=True):
    """The work of a class, marked.

    Attributes:
        title: of the sheet or the folder. students: what the work of each comes to, in the order given.
        mistakes: those made, the most common first. firsts: the first wrong numbers, the most common first.
        notes: what there is to say of all of it.
    """

    title: str
    students: tuple[Marked, ...]
    mistakes: tuple[Common, ...] = ()
    firsts: tuple[Common, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def all_right(self) -> bool:
        """Whether every work could be read and has no mistake."""
        return not any(marked.first or marked.problem for marked in self.students)


UNKNOWN = "no known mistake"


def class_result(
    title: str, works: Mapping[str, CheckedWork], *, of: int | Mapping[str, int] = 0,
    problems: Mapping[str, str] | None = None, notes: tuple[str, ...] = (),
) -> ClassResult:  # fmt: skip
    """Mark the work of a class.

    Args:
        title: of the sheet or the folder.
        works: the checked work of each student, by name.
        of: how many numbers the sheet asks for, for all alike or by the student; those that were not given count as
            missing. Without it, those that a student gave.
        problems: why the work of others could not be read, by name; they have no points.
        notes: what there is to say of all of it.

    >>> class_result("sheet 1", {"Ada": CheckedWork("net", "", ())}, of=12).students[0].missing
    12
    """

    def asked(student: str) -> int:
        return of if isinstance(of, int) else of.get(student, 0)

    marked = [mark(student, work, asked(student)) for student, work in works.items()]
    marked += [Marked(student, 0, asked(student), problem=problem) for student, problem in (problems or {}).items()]
    made = ((student.student, one.title, one.code) for student in marked for one in student.mistakes)
    firsts = ((student.student, student.first, "") for student in marked if student.first)
    return ClassResult(title, tuple(marked), _common(made), _common(firsts), notes)


def mark(student: str, work: CheckedWork, of: int = 0) -> Marked:
    """Say what a student's checked work comes to; `of` is how many numbers the sheet asks for."""
    wrong, count = work.wrong, work.count
    titles = {fit.code: fit.title for number in wrong for fit in number.fits}
    made: dict[str, Made] = {}
    again = 0
    for number in wrong:
        codes = [fit.code for fit in number.fits] or ([number.explained_by] if number.explained_by else [])
        what = ", or ".join(titles.get(code, code) for code in codes) or UNKNOWN
        code = " or ".join(codes)
        again += len(codes) == 1 and code in made
        made.setdefault(code, Made(code, what, number.name))
    of = max(of, count.numbers)
    vague = sum(number.remark != FEW_DIGITS for number in work.of("not tested"))
    return Marked(student, count.right + vague + again, of, wrong[0].name if wrong else "", tuple(made.values()),
                  count.carried, of - count.numbers)  # fmt: skip


def _common(found: Iterable[tuple[str, str, str]]) -> tuple[Common, ...]:
    """Put what students did together: student, what, code; the most common first, then in the order of finding."""
    students: dict[tuple[str, str], dict[str, None]] = {}
    for student, what, code in found:
        students.setdefault((what, code), {})[student] = None
    common = [Common(what, tuple(who), code) for (what, code), who in students.items()]
    return tuple(sorted(common, key=lambda one: -len(one.students)))
