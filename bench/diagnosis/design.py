"""The design: which fault, in which dose, on which table, in which shape, with which optimizer; from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec

from bench.diagnosis.faults import BY_NAME, FAULTS, Fault
from bench.diagnosis.recipes import OPTIMIZERS, SHAPES, Recipe, usual
from bench.diagnosis.tables import BY_NAME as TABLES_BY_NAME
from bench.diagnosis.tables import TABLES, Rows

SEED = 16
SEEDS = (0, 1, 2, 3, 4)
SEALED_SEEDS = (3, 4)
"""Of five seeds a third, rounded up, is never seen while thresholds are fitted."""

DOSES = (0, 1, 2)
CELLS_PER_DOSE = 3
NO_FAULT = "none"

LARGE = ("digits",)
"""Tables that a quick look leaves out."""


class Cell(msgspec.Struct, frozen=True, order=True):
    """A place of the benchmark; the fault "none" is a healthy training as it is."""

    fault: str
    dose: int
    table: str
    shape: str
    optimizer: str

    @property
    def name(self) -> str:
        """Name the cell, as `show` takes it."""
        return f"{self.fault}/{self.dose}/{self.table}/{self.shape}/{self.optimizer}"

    @property
    def planted(self) -> Fault | None:
        """The fault of the cell."""
        return BY_NAME.get(self.fault)

    def twin(self, seed: int) -> tuple[Recipe, Rows]:
        """Give recipe and rows of the healthy twin."""
        recipe, rows = self._usual(seed)
        return (recipe, rows) if self.planted is None else self.planted.twin(recipe, rows, self.dose, seed)

    def faulty(self, seed: int) -> tuple[Recipe, Rows]:
        """Give recipe and rows with the fault."""
        recipe, rows = self._usual(seed)
        return (recipe, rows) if self.planted is None else self.planted.planted(recipe, rows, self.dose, seed)

    def _usual(self, seed: int) -> tuple[Recipe, Rows]:
        table = TABLES_BY_NAME[self.table]
        return usual(self.shape, self.optimizer, table.classes), table.rows(seed)

    def sealed(self, seed: int) -> bool:
        """Tell whether a run of this cell belongs to the sealed part."""
        return seed in SEALED_SEEDS or TABLES_BY_NAME[self.table].sealed


class Deck:
    """Draws from some values in turn, each once before any comes again, of those that are allowed."""

    def __init__(self, values: Sequence[str], rng: random.Random) -> None:
        self.values, self.rng, self.left = list(values), rng, list[str]()

    def draw(self, allowed: Sequence[str]) -> str:
        """Give the next allowed value."""
        if not any(value in allowed for value in self.left):
            self.left += self.rng.sample(self.values, len(self.values))
        found = next(value for value in self.left if value in allowed)
        self.left.remove(found)
        return found


def _allowed_tables(fault: Fault) -> list[str]:
    return [
        table.name
        for table in TABLES
        if (fault.classes is None or bool(table.classes) is fault.classes)
        and (not fault.tables or table.name in fault.tables)
    ]


def _of_faults(rng: random.Random) -> Iterator[Cell]:
    tables = Deck([table.name for table in TABLES], rng)
    shapes, optimizers = Deck(list(SHAPES), rng), Deck(list(OPTIMIZERS), rng)
    drawn: set[Cell] = set()
    for _ in range(CELLS_PER_DOSE):
        for dose in DOSES:
            for fault in FAULTS:
                while True:
                    cell = Cell(
                        fault.name, dose, tables.draw(_allowed_tables(fault)), shapes.draw(fault.shapes),
                        optimizers.draw(fault.optimizers),
                    )  # fmt: skip
                    if cell not in drawn:
                        break
                drawn.add(cell)
                yield cell


def _healthy() -> Iterator[Cell]:
    """Give each table with each shape and each optimizer, as it is."""
    for table in TABLES:
        for shape in SHAPES:
            for optimizer in OPTIMIZERS:
                yield Cell(NO_FAULT, 0, table.name, shape, optimizer)


def design() -> list[Cell]:
    """Give all cells, always the same."""
    return [*_of_faults(random.Random(SEED)), *_healthy()]


def small() -> list[Cell]:
    """Give a few cells of small open tables: each fault once in its strongest dose, and as many healthy ones."""
    open_ones = [cell for cell in design() if not TABLES_BY_NAME[cell.table].sealed and cell.table not in LARGE]
    strongest = {cell.fault: cell for cell in open_ones if cell.dose == DOSES[-1]}
    healthy = [cell for cell in open_ones if cell.fault == NO_FAULT]
    step = max(1, len(healthy) // len(strongest))
    return [*strongest.values(), *healthy[::step]]


def by_name(name: str) -> Cell:
    """Give the cell of that name, drawn or not. Errors: a ValueError that says what a name is like."""
    try:
        fault, dose, table, shape, optimizer = name.split("/")
        cell = Cell(fault, int(dose), table, shape, optimizer)
        usual(shape, optimizer, TABLES_BY_NAME[table].classes)
        if fault != NO_FAULT and fault not in BY_NAME:
            raise KeyError(fault)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{name!r} names no cell ({error}); expected one such as {design()[0].name!r}.") from None
    return cell
