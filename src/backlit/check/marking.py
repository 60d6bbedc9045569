"""The marking of a class: what each student's checked work comes to, and the mistakes that many made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from backlit.check.records import CheckedNumber, CheckedWork


class Made(msgspec.Struct, frozen=True):
    """A mistake that a student made.

    Attributes:
        code: the mistake's in the catalogue; of several, all of them joined by " or "; empty where none is known.
        title: what it is, in a few words. at: the first number that it was made at.
    """

    code: str
    title: str
    at: str


class Marked(msgspec.Struct, frozen=True):
    """What the work of a student comes to.

    Attributes:
        student: the name.
        points: how many numbers are no mistake, and have the digits that the sheet asks for; what follows from an
            earlier mistake is none, and a mistake that is made again counts once.
        of: how many numbers the sheet asks for.
        first: the first wrong number; empty where there is none.
        mistakes: those made, once each, in the order of the computation.
        carried: how many numbers follow from an earlier wrong one. missing: how many numbers were not given.
        problem: why the work could not be read; empty where it could. coarse: how many numbers have too few digits.
        unread: lines of the sheet that could not be read, such as "net(h1) = abc"; their numbers are not given.
    """

    student: str
    points: int
    of: int
    first: str = ""
    mistakes: tuple[Made, ...] = ()
    carried: int = 0
    missing: int = 0
    problem: str = ""
    coarse: int = 0
    unread: tuple[str, ...] = ()

    @property
    def is_absent(self) -> bool:
        """Whether there is no file of the student's."""
        return self.problem == ABSENT

    @property
    def is_blank(self) -> bool:
        """Whether the sheet gives no number."""
        return not self.problem and 0 < self.of == self.missing


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
        """Whether every work that was handed in could be read, and has no mistake."""
        return not any(marked.first or (marked.problem and not marked.is_absent) for marked in self.students)


UNKNOWN = "no known mistake"
ABSENT = "no sheet was handed in"
"""The problem of a student on the list without a file."""

Asked = int | Collection[str]
"""How many numbers a sheet asks for, or their names, of which a sheet of several steps begins each with its step."""


def class_result(
    title: str, works: Mapping[str, CheckedWork], *, of: Asked | Mapping[str, Asked] = 0,
    problems: Mapping[str, str] | None = None, notes: tuple[str, ...] = (),
) -> ClassResult:  # fmt: skip
    """Mark the work of a class.

    Args:
        title: of the sheet or the folder.
        works: the checked work of each student, by name.
        of: what the sheet asks for, for all alike, or by the student, in whose order they stay; numbers that were not
            given count as missing. Without it, those that a student gave.
        problems: why the work of others could not be read, by name; they have no points.
        notes: what there is to say of all of it.

    >>> class_result("sheet 1", {"Ada": CheckedWork("net", "", ())}, of=12).students[0].missing
    12
    """

    def asked(student: str) -> Asked:
        return of.get(student, 0) if isinstance(of, Mapping) else of

    marked = [mark(student, work, asked(student)) for student, work in works.items()]
    marked += [Marked(student, 0, _count(asked(student)), problem=problem)
               for student, problem in (problems or {}).items()]  # fmt: skip
    if isinstance(of, Mapping):  # in its order, those with problems among the others
        order = {student: place for place, student in enumerate(of)}
        marked.sort(key=lambda one: order.get(one.student, len(order)))
    made = ((student.student, one.title, one.code) for student in marked for one in student.mistakes)
    firsts = ((student.student, student.first, "") for student in marked if student.first)
    return ClassResult(title, tuple(marked), _common(made), _common(firsts), notes)


def mark(student: str, work: CheckedWork, of: Asked = 0) -> Marked:
    """Say what a student's checked work comes to, where the sheet asks for that.

    Numbers that it does not ask for earn nothing; a mistake at one of them costs a point as any other does.
    """
    earning = {_place(number) for number in work.numbers if isinstance(of, int) or _is_asked(number, of)}
    asked = max(of, len(earning)) if isinstance(of, int) else len(of)
    coarse = earning & {_place(number) for number in work.numbers if number.is_coarse}
    mistakes, times = _made(work.wrong)
    first = work.wrong[0].name if work.wrong else ""
    return Marked(student, max(len(earning) - len(coarse) - times, 0), asked, first, mistakes,
                  len(work.of("carried")), asked - len(earning), coarse=len(coarse), unread=work.unread)  # fmt: skip


def _count(asked: Asked) -> int:
    return asked if isinstance(asked, int) else len(asked)


def _place(number: CheckedNumber) -> tuple[int, str]:
    """Give what a number is of the worked example: a weight's change is its new weight."""
    return number.step, number.record


def _is_asked(number: CheckedNumber, names: Collection[str]) -> bool:
    return number.record in names or f"step {number.step}: {number.record}" in names


def _made(wrong: Iterable[CheckedNumber]) -> tuple[tuple[Made, ...], int]:
    """Give the mistakes of wrong numbers, and how many points they cost: one that is made again costs no other.

    A number that fits several mistakes, of which one was made before, is that one made again.
    """
    made: list[tuple[set[str], str]] = []
    titles: dict[str, str] = {}
    times = 0
    for number in wrong:
        titles |= {fit.code: fit.title for fit in number.fits}
        codes = list(dict.fromkeys(fit.code for fit in number.fits))
        parts = [{code} for code in codes] if number.fits and number.fits[0].together else [set(codes)]
        again = [part for part in parts if _repeated(made, part)]
        times += len(again) < len(parts)
        made += [(part, number.name) for part in parts if part not in again]
    found: dict[str, Made] = {}
    for codes_left, at in made:
        ties = [code for code in titles if code in codes_left]
        code = " or ".join(ties)
        found.setdefault(code, Made(code, ", or ".join(titles[tie] for tie in ties) or UNKNOWN, at))
    return tuple(found.values()), times


def _repeated(made: Iterable[tuple[set[str], str]], codes: set[str]) -> bool:
    """Tell whether one of these mistakes was made before; of a tie before, only what fits both times is left."""
    for before, _ in made:
        if both := before & codes:
            before.intersection_update(both)
            return True
    return False


def _common(found: Iterable[tuple[str, str, str]]) -> tuple[Common, ...]:
    """Put what students did together: student, what, code; the most common first, then in the order of finding."""
    students: dict[tuple[str, str], dict[str, None]] = {}
    for student, what, code in found:
        students.setdefault((what, code), {})[student] = None
    common = [Common(what, tuple(who), code) for (what, code), who in students.items()]
    return tuple(sorted(common, key=lambda one: -len(one.students)))
