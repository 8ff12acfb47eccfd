"""Change the ledger, one thing at a time, and see that a test notices.

``make mutants`` (two hours) tries every mutant of the ground floor and a random sample
of the others on SQLite by the ledger's own tests; what they do not walk or notice, by the tests of
the other rooms, too, and on PostgreSQL; then it writes docs/mutants.md. The exit code is not zero
where a score is below the bar, or where a survivor has no reason. LINLI_SEED draws another sample.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.config import ROOT
from tests import postgres
from tests.conftest import SERVER, memory

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

ALSO = (
    "tests/activities",
    "tests/admin",
    "tests/exchange",
    "tests/residents",
    "tests/test_repeats.py",
    # It builds a demonstration: minutes for each mutant.
    "--ignore=tests/admin/test_demo.py",
)
"""Whose tests walk the ledger as well."""

ASKED = {"sqlite": "'not postgresql'", "postgresql": "postgresql"}

SEED = int(os.environ.get("LINLI_SEED", "20261126"))

SURVIVED, UNTRIED, REFUSED = 0, 33, 37
"""Of mutmut's exit codes: all tests passed; no test walks it; the type checker refuses it."""

MUTANTS = ROOT / "mutants"
PAGE = ROOT / "docs" / "mutants.md"
GONE = "nothing"
UNKNOWN = "**nobody knows**"
PAGE_OF = """# Mutants of the ledger

Written by `make mutants`: in `points/` one thing at a time is changed, and the sentences of
`tests/points` are asked, without what is proven by chance or by force; where they do not notice,
those of the other rooms, and those of `tests/points` on PostgreSQL. What functions do is changed;
what is only declared (tables, schemas, routes and whatever else stands under a decorator) the
tester leaves alone. The types refuse most of the changes before any test runs: they are
not counted.
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
class Reason:
    """Why no test can notice a change: where, what of "before → after", and the sentence."""

    where: str
    change: str
    why: str


REASONS = (
    Reason(
        "",
        r"(debit|credit|side) (>= 0|> 1)",
        "An account's number is 63 bits of a digest, below zero for the system's: neither 0 nor 1.",
    ),
    Reason(
        r"books\.x_books|own_rules\.x__first",
        r"\.join\(\w+, (None)?\)",
        "SQLAlchemy finds the same condition by the only foreign key.",
    ),
    Reason(
        r"accounts\.x_open_accounts",
        r"range\(0, len\(rows\), \)",
        "The chunks overlap: an account that is there is left alone, it costs trips.",
    ),
    Reason(
        r"ledger\.x__why_not",
        rf"→ {GONE}",
        "It only narrows what is read: the answer is what is missing of the holders.",
    ),
    Reason(
        r"reversal\.x_split",
        r"theirs = 1 if pair is None",
        "Where nothing meets the leg the number is not used.",
    ),
    Reason(
        r"reversal\.x_reverse$|act_sheets\.x_keep_rows",
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
    Reason(
        "",
        r"→ .*XX[^X]*[\u4e00-\u9fff][^X]*XX",
        "A word for people: it is looked for among others, not from edge to edge.",
    ),
    Reason(
        r"correcting\.schemas\.x__words",
        "",
        "Called while the module is imported, before a change is switched on.",
    ),
    Reason(
        r"honour\.x_of_the_year",
        rf"Transfer\.debit > 0, → {GONE}",
        "The accounts are holders': it lets the index be used.",
    ),
    Reason(
        r"own_rules\.x__first",
        r"order_by\(CommunityRule\.set_at",
        "No two rows of a rule are set at one moment.",
    ),
    Reason(
        r"rule_table\.x_elsewhere",
        r"points > 1",
        "It differs for a rule of a hundredth of a point.",
    ),
    Reason(
        r"rush\.x_last_run",
        r"limit\(2\)",
        "The first row is read, however many there are.",
    ),
    Reason(
        r"warning\.x_warn_chunk|lists\.x_lines_of|expiry\.x_ended_holders|lapsed\.x__runs",
        r"order_by\(None\)",
        "The database reads them in this order anyway; it is said so that it has to.",
    ),
    Reason(
        r"many\.x__used",
        r"→ (nothing|\))$",
        "It only narrows what is read: what is looked up is named by holder, rule and period.",
    ),
    Reason(
        r"many\.xǁ_Manyǁwrite",
        r"zip\(keys, key, \)",
        "Both are three.",
    ),
    Reason(
        r"words\.x_number",
        r"replace\(\"-\", \"XXXX\"\)",
        "The last ten figures of an id have no dash between them.",
    ),
    Reason(
        r"feeds\.queries\.x_feeders|rush\.x_rush$",
        r"\"TOTALS\"|XXresidentsXX",
        "A name inside one query, which is read by its place.",
    ),
    Reason(
        r"hours\.x_known_spans",
        r"ImportedHours.starts_at",
        "It only narrows what is read: whether spans meet is asked of each.",
    ),
    Reason(
        r"receipts\.x_evidence",
        r"and_\(Award\.id == Transfer\.source_id\)",
        "An id is of one thing only, whatever its kind.",
    ),
    Reason(
        r"many\.xǁ_Manyǁ_in_order",
        r"items\(\), \)",
        "Another order makes postings wait or try again, none of them wrong.",
    ),
    Reason(
        r"helping\.x__asked",
        r"created_at, \)",
        "No two are asked in one microsecond.",
    ),
    Reason(
        r"reminding\.x_tell_household|check_views\.x__page|answers_views\.x_heading|deciding\.x_tell",
        r"get\([\w.]+, (\"XXXX\"|None)?\)",
        "The place of a paper or of a proposal is there.",
    ),
    Reason(
        r"(bulletins|statements)\.paper\.x_",
        r"heading, 17|soft=(True|False|None)|soft=True\) → .*\)$|\.(gap|room)\(",
        "A size or a tone of print, or white on paper.",
    ),
    Reason(
        r"statements\.sums\.x_streamed",
        r"yield_per|query, \)",
        "It costs memory, and changes nothing.",
    ),
    Reason(
        r"carrying\.xǁ_Move|act_sheets\.x_|shortages\.x__collect_reversal",
        r"\"(HOME|XX(own|home|help|sheet)XX)\"|uuid8\([\w.]+, None, ",
        "A name for a digest, which is made in this one place.",
    ),
    Reason(
        r"publish\.x__corrected",
        r"else_=None",
        "A sum of nothing is read as none.",
    ),
    Reason(
        r"proof\.sealing\.x_",
        r"yield_per=None|leaves: bool = True",
        "It costs memory, and changes nothing.",
    ),
    Reason(
        r"chain\.x_spans",
        r"zip\(\[BEGINNING, \*days\], days, \)",
        "One is longer on purpose, and zip is not strict by itself.",
    ),
    Reason(
        r"hours_api\.x__rows",
        r"astimezone\(None\)",
        "The same moment in another zone.",
    ),
    Reason(
        r"act_sheets\.x_known_awards",
        r"range\(0, len\(causes\), \)",
        "The chunks overlap: what is found twice is the same; it costs trips.",
    ),
    Reason(
        r"community_rules\.x__latest",
        r"limit\(2\)",
        "The first row is read, however many there are.",
    ),
    Reason(
        r"community_rules\.x_check_caps",
        r"caps\.together, \)",
        "Both are three.",
    ),
    Reason(
        r"community_rules\.x__outside|defaults\.x_load_rules",
        r"points_base(\"\]\))? (>=|<) 1\b",
        "No rule is worth less than a whole point.",
    ),
    Reason(
        r"claim\.x__claiming|verify_audited\.x_unaudited",
        "",
        "Called while the module is imported, before a change is switched on.",
    ),
    Reason(
        r"expiry\.x_due_days",
        r"day >= last",
        "The finished run is asked again and says so: it costs a trip.",
    ),
    Reason(
        r"expiry\.x_ended_holders",
        r"held >= 0|debited \+ Account\.held",
        "Whoever has nothing free is asked and loses nothing: it costs a trip.",
    ),
    Reason(
        r"imported\.x_record_hours",
        r"require\(\"hours\.import\", \)",
        "The checker behind it asks for the community, too.",
    ),
    Reason(
        r"items\.x_kept_from_stopping",
        r"read=False",
        "A stronger lock makes batches of one feeder wait for each other, none of them wrong.",
    ),
    Reason(
        r"canonical\.x_lines",
        r"\" and \{community\}",
        "The case of a word of SQL.",
    ),
    Reason(
        r"proving\.x_keep_proofs",
        r"table=\"XXXX\"",
        "Without a first row its table is not written.",
    ),
    Reason(
        r"publish\.x__lines",
        r"Bulletin\.month <= month",
        "The month's own list is not there yet when its lines are read.",
    ),
    Reason(
        r"sealing\.x_blocks",
        r"column\(\"rows\", None\)",
        "A number is read as a number, whatever its type is called.",
    ),
    Reason(
        r"sharing\.x_by_two",
        r"sorted\(found, key=None\)",
        "Each place has found one thing at most: the places alone tell the order.",
    ),
    Reason(
        r"sealing\.x_head_of",
        r"limit\(None\)",
        "The first row is read, however many there are.",
    ),
    Reason(
        r"expiry\.x_going_on|act_sheets\.x_sheet_id",
        r"XX\w+XX|, None, ",
        "A name for a digest, which is made in this one place.",
    ),
    Reason(
        r"proving\.x__one_snapshot",
        r"POSTGRESQL",
        "Only who writes between two queries of one look would see it.",
    ),
    Reason(
        r"sharing\.x_cut$",
        r"part, \)",
        "A part is found by its own query; it is not asked for parts again.",
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
        room, _, function = self.name.removeprefix("points.").rpartition(".")
        return f"{room}.{function.removeprefix('x').removeprefix('_').strip('ǁ').replace('ǁ', '.')}"

    @property
    def why(self) -> str | None:
        """The first reason that fits."""
        for each in REASONS:
            change = f"{self.before} → {self.after}"
            if re.search(each.where, self.name) and re.search(each.change, change):
                return each.why
        return None


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


def run(database: str, *names: str, at_once: int, also: Sequence[str] = ()) -> None:
    """Try mutants (by name or pattern) on one database; ``also``: by which tests beside its own."""
    subprocess.run(
        [*MUTMUT, "run", "--max-children", str(at_once), *names],
        env=os.environ
        | {
            # Sentences that need no database are asked with the embedded one.
            "PYTEST_ADDOPTS": " ".join((f"-k {ASKED[database]}", *also)),
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
    relearn()
    run("sqlite", *left(), at_once=at_once, also=ALSO)
    relearn()
    with postgres.temporary(memory()) as address:
        os.environ[SERVER] = address
        # One at a time: they share the databases of one server.
        run("postgresql", *left(), at_once=1)
    return write()


def left() -> list[str]:
    """Return what nothing has noticed so far."""
    return [name for part in parts() for name in part.left]


def relearn() -> None:
    """Forget which test walks what: other tests are asked."""
    (MUTANTS / "mutmut-stats.json").unlink()


if __name__ == "__main__":
    sys.exit(main())
