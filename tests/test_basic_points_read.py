"""No use case that takes points from somebody is told which account or kind pays, by its code.

Two ways lead to basic points: the writers of the ledger, which are few and named here, and what
posts through them. Every use case that reaches one is found by reading who calls whom; none of
them may say in its command what pays. The database's own fences are in
``tests/points/test_basic_fences.py``, the doors in ``tests/test_basic_points_walk.py``.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import pytest

from core.config import ROOT

PACKAGES = ("core", "residents", "points", "activities", "exchange", "admin")
TAKES = "a posting that may take basic points"
SPENDING = {
    TAKES,
    "points.ledger.spend",
    "points.ledger.debit_legs",
    "points.holds.hold",
    "points.holds.capture",
}
GIVES = {"award", "reversal", "moving"}
"""Acts of basic points that spend nothing; what is posted by another is read."""

TELLING = {"points_kind", "kind", "account", "accounts"}
WRITERS = {
    "points.accounts",
    "points.expiring.expiry",
    "points.holds",
    "points.ledger",
    "points.posting_sql",
    "points.settlement",
}
WRITES = re.compile(
    r"\b(insert|update|claim|delete)\((Transfer|Account|Hold)\b|\b(Transfer|Account|Hold)\(\s*[a-z]"
    r"|\b(INSERT INTO|UPDATE|DELETE FROM) (transfers|accounts|holds)\b",
)


@dataclass
class Code:
    """The functions and classes of all modules: who calls whom, and what commands hold."""

    use_cases: set[str]
    aliases: dict[str, str]
    calls: dict[str, set[str]]
    commands: dict[str, str]
    fields: dict[str, set[str]]
    #: What the fields of a class are made of: the commands within a command.
    parts: dict[str, set[str]]


def read(sources: dict[str, str]) -> Code:
    """Read modules by their dotted names."""
    code = Code(set(), {}, {}, {}, {}, {})
    for module, source in sources.items():
        tree = ast.parse(source)
        known = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        code.aliases |= {f"{module}.{name}": meant for name, meant in known.items()}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                known[node.name] = f"{module}.{node.name}"
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                _read_class(code, node, known)
            elif isinstance(node, ast.FunctionDef):
                _read_function(code, node, known)
    return code


def _read_class(code: Code, node: ast.ClassDef, known: dict[str, str]) -> None:
    told = [
        (each.target.id, each.annotation)
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    code.fields[known[node.name]] = {name for name, _made_of in told}
    code.parts[known[node.name]] = {
        _dotted(inner, known)
        for made_of in [*(annotation for _name, annotation in told), *node.bases]
        for inner in ast.walk(made_of)
        if isinstance(inner, ast.Name | ast.Attribute)
    }


def _read_function(code: Code, node: ast.FunctionDef, known: dict[str, str]) -> None:
    name = known[node.name]
    code.calls[name] = {
        _dotted(inner, known)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name | ast.Attribute)
    }
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        called = ast.unparse(inner.func).rpartition(".")[2]
        if called == "transact" and isinstance(inner.args[0], ast.Name | ast.Attribute):
            code.use_cases.add(_dotted(inner.args[0], known))
        if called == "Posting" and _takes(inner):
            code.calls[name].add(TAKES)
    annotations = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
    if len(annotations) >= 2 and annotations[0] == "Work":
        last = annotations[1].rpartition(".")
        code.commands[name] = known.get(annotations[1], f"{known.get(last[0], last[0])}.{last[2]}")


def _takes(call: ast.Call) -> bool:
    """Whether a posting could take basic points for something: only what it says itself counts."""
    said = {
        each.arg: each.value.value
        for each in call.keywords
        if each.arg and isinstance(each.value, ast.Constant)
    }
    return said.get("points_kind") != "service" and said.get("act") not in GIVES


def _dotted(node: ast.Name | ast.Attribute, known: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    return (
        f"{_dotted(node.value, known)}.{node.attr}"
        if isinstance(node.value, ast.Name | ast.Attribute)
        else node.attr
    )


def tellers(code: Code) -> tuple[set[str], set[str]]:
    """Return the use cases that reach a spending, and those whose command says what pays."""
    reaching = set(SPENDING)
    calls = {name: {meant(code, each) for each in called} for name, called in code.calls.items()}
    while more := {
        name for name, called in calls.items() if called & reaching and name not in reaching
    }:
        reaching |= more
    used = {meant(code, name) for name in code.use_cases}
    spending = reaching & used & set(code.commands)
    told = {name for name in spending if says(code, meant(code, code.commands[name])) & TELLING}
    return spending, told


def says(code: Code, command: str) -> set[str]:
    """Return what a command holds, and what it is made of."""
    seen: set[str] = set()
    waiting = {command}
    while waiting:
        seen |= waiting
        waiting = {meant(code, part) for each in waiting for part in code.parts.get(each, ())}
        waiting = (waiting & set(code.fields)) - seen
    return {name for each in seen for name in code.fields.get(each, ())}


def meant(code: Code, name: str) -> str:
    """Follow what a package hands on to where it is written."""
    while name in code.aliases and code.aliases[name] != name:
        name = code.aliases[name]
    return name


def modules() -> dict[str, str]:
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): file.read_text(encoding="utf-8")
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
    }


SEEDED = """
from core.work import Work
from points.holds import hold
from points.ledger import Posting, post

class Pay:
    {field}: int

class Basket:
    lines: tuple[Pay, ...]

def pay(work: Work, command: {command}) -> None:
    {does}

def view() -> None:
    transact(pay, {command}())
"""
HOLDS = "hold(work, command)"
POSTS = "post(work, Posting(act='adjustment', points_kind=command.kind))"
FREE = "post(work, Posting(act=command.act))"


SEEDS = {
    "an_account": ("account", "Pay", HOLDS),
    "a_kind": ("kind", "Pay", HOLDS),
    "within_a_line": ("points_kind", "Basket", HOLDS),
    "posted_otherwise": ("account", "Pay", POSTS),
    "posted_as_told": ("account", "Pay", FREE),
}


def test_each_seeded_use_case_that_is_told_what_pays_is_found() -> None:
    seeded = {
        f"exchange.{name}": SEEDED.format(field=field, command=command, does=does)
        for name, (field, command, does) in SEEDS.items()
    }
    _spending, found = tellers(read(modules() | seeded))

    assert found == {f"exchange.{name}.pay" for name in SEEDS}


def test_no_use_case_that_spends_is_told_what_pays() -> None:
    spending, found = tellers(read(modules()))

    assert {"exchange.orders.submit.submit_order"} <= spending
    assert found == set()


def writers(sources: dict[str, str]) -> set[str]:
    return {module for module, source in sources.items() if WRITES.search(source)}


@pytest.mark.parametrize(
    "statement",
    ["insert(Transfer).values()", "update(Account)", "text('UPDATE accounts SET debited = 1')"],
)
def test_only_the_ledger_writes_what_the_ledger_holds(statement: str) -> None:
    assert writers(modules()) == WRITERS
    assert writers({"exchange.seeded": f"work.connection.execute({statement})"})
