"""Change the ground floor of the ledger, one thing at a time, and see that a test notices.

``make mutants`` (an hour) tries each mutant on SQLite, and on PostgreSQL whatever SQLite does not
walk or notice; then it writes docs/mutants.md. The exit code is not zero where the score is below
the bar, or where a survivor has no reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.config import ROOT
from tests import postgres
from tests.conftest import SERVER, memory

BAR = 85.0
"""Percent of the mutants that tests tried."""

SURVIVED, UNTRIED, REFUSED = 0, 33, 37
"""Of mutmut's exit codes: all tests passed; no test walks it; the type checker refuses it."""

MUTANTS = ROOT / "mutants"
PAGE = ROOT / "docs" / "mutants.md"
GONE = "nothing"
UNKNOWN = "**nobody knows**"
PAGE_OF = """# Mutants of the ledger's ground floor

Written by `make mutants`: in what every point passes through (`pyproject.toml` names the files)
one thing at a time is changed, and the sentences of `tests/points` are asked, without what is
proven by chance or by force. The types refuse {refused} of {all} changes before any test runs:
they are not counted.

**{noticed} of {tried} were noticed: {score:.1f} %** (bar {bar:.0f} %). What none noticed, and why:

| where | it said | changed to | why no test notices |
|---|---|---|---|
{rows}
"""
MUTMUT = (sys.executable, "-m", "mutmut")


@dataclass(frozen=True)
class Reason:
    """Why no test can notice a change: where, which changed line, and the sentence."""

    where: str
    line: str
    why: str


REASONS = (
    Reason(
        "",
        r"(debit|credit|side) (>= 0|> 1)",
        "An account's number is 63 bits of a digest, below zero for the system's: neither 0 nor 1.",
    ),
    Reason(
        r"books\.x_books",
        r"\.join\(parts, (None)?\)",
        "SQLAlchemy finds the same condition by the only foreign key.",
    ),
    Reason(
        r"accounts\.x_open_accounts",
        r"range\(0, len\(rows\), \)",
        "The chunks overlap: an account that is there is left alone, it costs trips.",
    ),
    Reason(
        r"ledger\.x__why_not",
        GONE,
        "It only narrows what is read: the answer is what is missing of the holders.",
    ),
    Reason(
        r"reversal\.x_split",
        r"theirs = 1 if pair is None",
        "Where nothing meets the leg the number is not used.",
    ),
    Reason(
        r"reversal\.x_reverse$",
        r"index_elements=None",
        "The table has no other unique key.",
    ),
    Reason(
        r"posting_sql\.x__single",
        r"XXfreshXX|(DEBIT|CREDIT)_SIDE\.VERSION|union all|\"null\"|cast\(:v_standard as bigint\)",
        "A name inside one statement, or its case, which PostgreSQL does not mind.",
    ),
    Reason(
        r"ledger\.x_post",
        r"debit_holder or sides\.credit_holder",
        "One account more is locked before it is written anyway: it costs a trip.",
    ),
    Reason(
        r"ledger\.x_lock_accounts",
        r"order_by\(None\)|key_share=False",
        "Another order or a stronger lock makes postings wait or try again, none of them wrong.",
    ),
    Reason(
        r"marks\.x_keep_older",
        r"year <= year",
        "The mark of that year is the least of those that stay: it is written as it is.",
    ),
    Reason(
        r"marks\.x_keep_older",
        r"raised <= most",
        "Where both are equal either is written.",
    ),
)


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed."""

    name: str
    before: str
    after: str

    @property
    def where(self) -> str:
        """The function's name as people write it."""
        return self.name.removeprefix("points.").replace("x_", "", 1)

    @property
    def why(self) -> str | None:
        """The first reason that fits."""
        for each in REASONS:
            if re.search(each.where, self.name) and re.search(each.line, self.after):
                return each.why
        return None


def run(database: str, *names: str, at_once: int) -> None:
    """Try mutants (all that have no answer yet, where none is named) on one database."""
    # A session of its own learns which test walks what: the answers of the other database stay.
    (MUTANTS / "mutmut-stats.json").unlink(missing_ok=True)
    subprocess.run(
        [*MUTMUT, "run", "--max-children", str(at_once), *names],
        env=os.environ
        | {
            "PYTEST_ADDOPTS": f"-k {database}",
            "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}",
        },
        cwd=ROOT,
        check=True,
    )


def results() -> dict[str, int]:
    """Return the exit code of every mutant."""
    return {
        name: code
        for file in sorted(MUTANTS.rglob("*.meta"))
        for name, code in json.loads(file.read_text())["exit_code_by_key"].items()
    }


def survivor(name: str) -> Survivor:
    """Look at what was changed."""
    shown = subprocess.run(
        [*MUTMUT, "show", name], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.splitlines()
    changed = {
        mark: " ".join(
            line[1:].strip() for line in shown if re.match(rf"\{mark}(?!\{mark}\{mark})", line)
        )
        for mark in "+-"
    }
    return Survivor(name.partition("__mutmut_")[0], changed["-"], changed["+"] or GONE)


def score(codes: Mapping[str, int]) -> tuple[int, int]:
    """Return how many mutants tests noticed, and of how many that the types let pass."""
    tried = [code for code in codes.values() if code != REFUSED]
    return sum(code not in {SURVIVED, UNTRIED} for code in tried), len(tried)


def page(codes: Mapping[str, int], left: Iterable[Survivor]) -> str:
    """Write the page of the score and of what survived."""
    noticed, tried = score(codes)
    rows = "\n".join(
        f"| `{each.where}` | `{each.before}` | `{each.after}` | {each.why or UNKNOWN} |"
        for each in left
    )
    return PAGE_OF.format(
        refused=len(codes) - tried,
        all=len(codes),
        noticed=noticed,
        tried=tried,
        score=100 * noticed / tried,
        bar=BAR,
        rows=rows,
    )


def main() -> int:
    """Try all, write the page."""
    shutil.rmtree(MUTANTS, ignore_errors=True)
    run("sqlite", at_once=os.cpu_count() or 2)
    left = [name for name, code in results().items() if code in {SURVIVED, UNTRIED}]
    with postgres.temporary(memory()) as address:
        os.environ[SERVER] = address
        # One at a time: they share the databases of one server.
        run("postgresql", *left, at_once=1)
    codes = results()
    survivors = sorted(
        (survivor(name) for name, code in codes.items() if code in {SURVIVED, UNTRIED}),
        key=lambda each: (each.name, each.before, each.after),
    )
    PAGE.write_text(page(codes, survivors))
    unexplained = sum(each.why is None for each in survivors)
    noticed, tried = score(codes)
    sys.stdout.write(f"{noticed} of {tried} noticed, {unexplained} survived without a reason\n")
    return int(100 * noticed < BAR * tried or unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
