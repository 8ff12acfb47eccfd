"""Change the ledger, one thing at a time, and see that a test notices.

``make mutants`` (an hour and a half) tries every mutant of the ground floor and a random sample of
the others by the ledger's own tests: on SQLite, and what they do not walk or notice there and no
reason explains, on PostgreSQL; then it writes docs/mutants.md. The exit code is not zero where a
score is below the bar, or where a survivor has no reason. LINLI_SEED draws another sample.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from core.config import ROOT
from tests import postgres
from tests.conftest import SERVER, memory
from tests.points.mutant_reasons import GONE, why

BAR = 85.0
"""Percent of the mutants that tests tried."""

GROUND_FLOOR = (
    "accounts",
    "books",
    "cause",
    "holding",
    "holds",
    "ledger",
    "marks",
    "posting_sql",
    "reversal",
)
"""What every point passes through: each of its mutants is tried."""

DRAWN = 500
"""Of the others so many are drawn; the types let two fifths of them pass."""

ASKED = {"sqlite": "'not postgresql'", "postgresql": "postgresql"}

SEED = int(os.environ.get("LINLI_SEED", "20261129"))

SURVIVED, UNTRIED, REFUSED = 0, 33, 37
"""Of mutmut's exit codes: all tests passed; no test walks it; the type checker refuses it."""

MUTANTS = ROOT / "mutants"
PAGE = ROOT / "docs" / "mutants.md"
UNKNOWN = "**nobody knows**"
PAGE_OF = """# Mutants of the ledger

Written by `make mutants`: in `points/` one thing at a time is changed, and the sentences of
`tests/points` are asked, without what is proven by chance or by force: on SQLite, and where they
do not notice and no reason says why, on PostgreSQL. What functions do is changed; what is only
declared (tables, schemas, routes and whatever else stands under a decorator) the tester leaves
alone. The types refuse most of the changes before any test runs: they are not counted.
"""
PART_OF = """
## {title}

{what}. The types refuse {refused} of {all}.
**{noticed} of {tried} were noticed: {score:.1f} %** (bar {bar:.0f} %). What none noticed, and why:

| where | it said | changed to | why no test notices |
|---|---|---|---|
{rows}
"""
MUTMUT = (sys.executable, "-m", "mutmut")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed."""

    name: str
    before: str
    after: str

    @property
    def where(self) -> str:
        """The function's name as people write it."""
        room, _, function = self.name.removeprefix("points.").rpartition(".")
        return f"{room}.{function.removeprefix('x').removeprefix('_').strip('ǁ').replace('ǁ', '.')}"

    @property
    def why(self) -> str | None:
        """The first reason that fits."""
        return why(self.name, self.before, self.after)


@dataclass(frozen=True)
class Part:
    """Some of the mutants, with how they were chosen and the exit code of each."""

    title: str
    what: str
    codes: Mapping[str, int]

    @property
    def tried(self) -> int:
        """How many the types let pass."""
        return sum(code != REFUSED for code in self.codes.values())

    @property
    def left(self) -> list[str]:
        """What no test noticed."""
        return [name for name, code in self.codes.items() if code in {SURVIVED, UNTRIED}]

    @property
    def score(self) -> float:
        """How many percent were noticed."""
        return 100 * (self.tried - len(self.left)) / self.tried


def run(database: str, *names: str, at_once: int) -> None:
    """Try mutants (by name or pattern) on one database."""
    subprocess.run(
        [*MUTMUT, "run", "--max-children", str(at_once), *names],
        env=os.environ
        | {
            # Sentences that need no database are asked with the embedded one.
            "PYTEST_ADDOPTS": f"-k {ASKED[database]}",
            "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}",
        },
        cwd=ROOT,
        check=True,
    )


def results() -> dict[str, int | None]:
    """Return the exit code of every mutant, None where it was not tried."""
    return {
        name: code
        for file in sorted(MUTANTS.rglob("*.meta"))
        for name, code in json.loads(file.read_text())["exit_code_by_key"].items()
    }


def is_ground(name: str) -> bool:
    """Whether every point passes through there."""
    return name.split(".")[1] in GROUND_FLOOR


def sample(names: Iterable[str]) -> list[str]:
    """Draw mutants of the other modules: each has its lot, whatever else there is."""
    others = [name for name in names if not is_ground(name)]
    return sorted(others, key=lambda name: random.Random(f"{SEED} {name}").random())[:DRAWN]  # noqa: S311


def survivor(name: str) -> Survivor:
    """Look at what was changed: the tester keeps each change as a function beside the first."""
    room, _, function = name.rpartition(".")
    changed, _, _ = function.partition("__mutmut_")
    said, says = (
        functions(room)[each].splitlines() for each in (f"{changed}__mutmut_orig", function)
    )
    lines = list(difflib.ndiff(said[1:], says[1:]))
    before, after = (
        " ".join(line[2:].strip() for line in lines if line.startswith(mark))
        for mark in ("- ", "+ ")
    )
    return Survivor(f"{room}.{changed}", before, after or GONE)


@cache
def functions(room: str) -> dict[str, str]:
    """Return the source of each function in a module as the tester has made it, by name."""
    source = (MUTANTS / room.replace(".", "/")).with_suffix(".py").read_text()
    lines = source.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def parts() -> list[Part]:
    """Tell the ground floor from the sample of all others."""
    found = results()
    tried = {name: code for name, code in found.items() if code is not None}
    ground = {name: code for name, code in tried.items() if is_ground(name)}
    others = sum(not is_ground(name) for name in found)
    return [
        Part(
            "The ground floor",
            "What every point passes through, each change of it: "
            + ", ".join(f"`{module}`" for module in GROUND_FLOOR),
            ground,
        ),
        Part(
            "All other rooms",
            f"Of {others} changes in the other modules {len(tried) - len(ground)} were drawn by "
            f"chance (seed {SEED}, `LINLI_SEED` draws others)",
            {name: code for name, code in tried.items() if not is_ground(name)},
        ),
    ]


def cell(code: str) -> str:
    """Write code into a table."""
    escaped = code.replace("|", r"\|")
    return f"`{escaped}`"


def shown(part: Part, survivors: Iterable[Survivor]) -> str:
    """Write the score of a part and what survived."""
    return PART_OF.format(
        title=part.title,
        what=part.what,
        refused=len(part.codes) - part.tried,
        all=len(part.codes),
        noticed=part.tried - len(part.left),
        tried=part.tried,
        score=part.score,
        bar=BAR,
        rows="\n".join(
            f"| `{each.where}` | {cell(each.before)} | {cell(each.after)} | {each.why or UNKNOWN} |"
            for each in survivors
        ),
    )


def write() -> int:
    """Write the page; return whether something is not as it has to be."""
    pages, unexplained = [PAGE_OF], 0
    tried = parts()
    for part in tried:
        survivors = sorted(
            map(survivor, part.left), key=lambda each: (each.name, each.before, each.after)
        )
        unexplained += sum(each.why is None for each in survivors)
        pages.append(shown(part, survivors))
        sys.stdout.write(f"{part.title}: {part.score:.1f} % of {part.tried}\n")
    PAGE.write_text("".join(pages))
    sys.stdout.write(f"{unexplained} survived without a reason\n")
    return int(unexplained > 0 or any(part.score < BAR for part in tried))


def main() -> int:
    """Try all, write the page."""
    shutil.rmtree(MUTANTS, ignore_errors=True)
    at_once = os.cpu_count() or 2
    run("sqlite", *(f"points.{module}.*" for module in GROUND_FLOOR), at_once=at_once)
    run("sqlite", *sample(results()), at_once=at_once)
    # Other tests are asked: forget which test walks what.
    (MUTANTS / "mutmut-stats.json").unlink()
    with postgres.temporary(memory()) as address:
        os.environ[SERVER] = address
        # One at a time: they share the databases of one server.
        run("postgresql", *left(), at_once=1)
    return write()


def left() -> list[str]:
    """Return what nothing has noticed so far, nor a reason explains."""
    return [name for part in parts() for name in part.left if survivor(name).why is None]


if __name__ == "__main__":
    sys.exit(main())
