"""Measure: ``python -m bench [quick | long | NAME | NAME=SIZE …]``; quick if nothing is said.

``quick`` is ``make bench``, some minutes; ``long`` is ``make bench-growth``: a million awards, a
district's accounts, ten million transfers, about an hour and twelve gigabytes of disk.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from bench import check_in, crowd, demo, expiry, feeding, growth, memory, posting, settlement
from bench.harness import Comparison, Row, compare
from bench.stage import Stage, production_like
from core.config import ROOT

RESULTS = ROOT / "bench" / "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What measures something at a size, and its sizes; 0: it is no part of that run."""

    measure: Callable[[Stage, int], Iterator[Comparison | Row]]
    quick: int = 0
    long: int = 0


BENCHES = {
    "check_in": Bench(measure=check_in.comparisons, quick=2_400),
    "posting": Bench(measure=posting.comparisons, quick=6_400),
    "settlement": Bench(measure=settlement.comparisons, quick=100_000, long=1_000_000),
    "crowd": Bench(measure=crowd.settling, long=1_000_000),
    "fed_crowd": Bench(measure=crowd.importing, long=1_000_000),
    "feeding": Bench(measure=feeding.comparisons, quick=20_000),
    "demo": Bench(measure=demo.rows, quick=100),
    "expiry": Bench(measure=expiry.comparisons, quick=20_000, long=1_330_000),
    "memory": Bench(measure=memory.rows, long=1_000_000),
    "growth": Bench(measure=growth.rows, long=10_000_000),
}


def chosen(words: Sequence[str]) -> list[tuple[str, int]]:
    """Return which benches to run, and how large; raises ValueError or KeyError."""
    found: list[tuple[str, int]] = []
    for word in words:
        name, _, size = word.partition("=")
        if name in {"quick", "long"}:
            found += [
                (each, getattr(bench, name))
                for each, bench in BENCHES.items()
                if getattr(bench, name)
            ]
        else:
            bench = BENCHES[name]
            found.append((name, int(size) if size else bench.quick or bench.long))
    return found


def main(words: Sequence[str]) -> int:
    """Measure, print the table, write the results; those not measured now are kept."""
    try:
        runs = chosen(words or ["quick"])
    except (KeyError, ValueError) as error:
        print(f"not known: {error}; say quick, long, or NAME or NAME=SIZE of {', '.join(BENCHES)}")
        return 1
    rows: list[Row] = []
    with production_like() as stage:
        for name, size in runs:
            for each in BENCHES[name].measure(stage, size):
                rows.append(compare(each) if isinstance(each, Comparison) else each)
                write(rows[-1:])
    show(rows)
    return 0


def write(rows: list[Row]) -> None:
    """Put rows into the results, in place of those of the same name."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    known = {row["name"]: row for row in kept} | {row.name: asdict(row) for row in rows}
    lines = json.dumps(list(known.values()), indent=2, ensure_ascii=False)
    RESULTS.write_text(f"{lines}\n", encoding="utf-8")


def show(rows: list[Row]) -> None:
    """Print the table; a missed bar is said plainly, and what has none is only reported."""
    width = max(len(row.name) for row in rows)
    print(f"\n{'name':{width}} {'value':>12} {'floor':>12} {'unit':14} {'ratio':>6} {'bar':>6}")
    for row in rows:
        verdict = "" if row.ratio >= row.bar else "  MISSED"
        print(
            f"{row.name:{width}} {row.value:12,.1f} {row.floor:12,.1f} {row.unit:14}"
            f" {row.ratio:6.3f} {row.bar:6.2f}{verdict}",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
