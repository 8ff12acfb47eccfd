"""Measure everything, or what is named: the keys of ``BENCHES``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from bench import check_in, demo, expiry, posting, settlement, verify
from bench.harness import Comparison, Row, compare
from bench.stage import Stage, production_like
from core.config import ROOT

RESULTS = ROOT / "bench" / "results.json"
BENCHES: dict[str, Callable[[Stage], Iterator[Comparison | Row]]] = {
    "check_in": check_in.comparisons,
    "posting": posting.comparisons,
    "settlement": settlement.comparisons,
    "expiry": expiry.comparisons,
    "verify": verify.rows,
    "demo": demo.rows,
}


def main(names: list[str]) -> int:
    """Measure, print the table, write the results; those not measured now are kept."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 1
    rows: list[Row] = []
    with production_like() as stage:
        for name in names or BENCHES:
            for each in BENCHES[name](stage):
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
    """Print the table; a missed bar is said plainly."""
    print(f"\n{'name':30} {'value':>10} {'floor':>10} {'unit':12} {'ratio':>6} {'bar':>6}")
    for row in rows:
        verdict = "" if row.ratio >= row.bar else "  MISSED"
        print(
            f"{row.name:30} {row.value:10,.1f} {row.floor:10,.1f} {row.unit:12}"
            f" {row.ratio:6.3f} {row.bar:6.2f}{verdict}",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
