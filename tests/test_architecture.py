"""What the house promises about its own code. Each check is shown to find what it looks for."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment

from core import identity
from core.config import ROOT
from core.errors import all_refusals
from core.identity import API_PREFIX

PACKAGES = ("core", "residents", "points", "activities", "exchange", "admin")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
TEST_LINES_MAX = 600
CHINESE = "\u4e00-\u9fff"
HALF_WIDTH = re.compile(rf"[{CHINESE}][,:;!?()]|[,:;!?()][{CHINESE}]")
PUBLIC_BLUEPRINTS = {
    "activities",
    "activities_public_api",
    "check",
    "health",
    "pickup",
    "residents",
    "residents_public_api",
    "statements_public_api",
    "venue",
}


def sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def product() -> list[Path]:
    return [ROOT / "app.py", ROOT / "wsgi.py", *sources(*PACKAGES)]


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


# --- one commit ------------------------------------------------------------------------------


def commits(source: str) -> int:
    return len(re.findall(r"\.commit\(", source))


def test_the_code_base_commits_in_one_place() -> None:
    found = {name(file): commits(file.read_text(encoding="utf-8")) for file in product()}

    assert {file: count for file, count in found.items() if count} == {"core/work.py": 1}
    assert commits("db.session.commit()") == 1


# --- imports ---------------------------------------------------------------------------------


def hidden_imports(tree: ast.Module) -> list[int]:
    return [
        inner.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]


def test_no_import_hides_inside_a_function() -> None:
    found = {name(file): hidden_imports(tree_of(file)) for file in [*product(), *sources("tests")]}

    assert {file: lines for file, lines in found.items() if lines} == {}
    assert hidden_imports(ast.parse("def f():\n    import os")) == [2]


EDGE = {"doorway", "views", "api", "cli", "identity", "panels", "http_keys"}


def imports_flask(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        if any(part.partition(".")[0] in {"flask", "flask_login", "werkzeug"} for part in names):
            return True
    return False


def is_edge(file: Path) -> bool:
    parts = set(file.relative_to(ROOT).with_suffix("").parts)
    return bool(parts & EDGE) or any(part.endswith(("_views", "_api")) for part in parts)


def test_use_cases_queries_and_models_do_not_know_flask() -> None:
    inner = [
        file
        for file in sources("residents", "points", "activities", "exchange")
        if not is_edge(file)
    ]

    assert [name(file) for file in inner if imports_flask(tree_of(file))] == []
    assert imports_flask(ast.parse("from flask import g"))


# --- sizes -----------------------------------------------------------------------------------


def long_functions(tree: ast.Module, limit: int) -> list[str]:
    return [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > limit
    ]


def test_no_file_and_no_function_is_crowded() -> None:
    lines = {name(file): len(file.read_text(encoding="utf-8").splitlines()) for file in product()}
    tests = {
        name(file): len(file.read_text(encoding="utf-8").splitlines()) for file in sources("tests")
    }
    functions = {
        name(file): long_functions(tree_of(file), FUNCTION_LINES_MAX) for file in product()
    }

    assert {file: count for file, count in lines.items() if count > FILE_LINES_MAX} == {}
    assert {file: count for file, count in tests.items() if count > TEST_LINES_MAX} == {}
    assert {file: found for file, found in functions.items() if found} == {}
    assert long_functions(ast.parse("def f():\n    1\n    2"), 2) == ["f (3)"]


# --- routes ----------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_every_blueprint_has_a_guard(app: Flask) -> None:
    unguarded = set(app.blueprints) - set(app.before_request_funcs) - {"api-docs"}

    public = {name for name, found in app.before_request_funcs.items() if identity.public in found}
    assert unguarded == set()
    assert public == PUBLIC_BLUEPRINTS


@pytest.mark.database("sqlite")
def test_every_rule_is_get_or_post(app: Flask) -> None:
    methods = {method for rule in app.url_map.iter_rules() for method in rule.methods or ()}

    assert methods <= {"GET", "HEAD", "OPTIONS", "POST"}


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_every_refusal_has_its_own_chinese_sentence(app: Flask) -> None:
    found = all_refusals()
    codes = [refusal.code() for refusal in found]

    assert [refusal.__name__ for refusal in found if "text" not in vars(refusal)] == []
    assert [refusal.__name__ for refusal in found if not refusal.__doc__] == []
    assert [refusal.text for refusal in found if not refusal.text.endswith("。")] == []
    assert sorted(codes) == sorted(set(codes))


# --- words -----------------------------------------------------------------------------------


def strings(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Strings that people may read: everything but docstrings and patterns."""
    patterns = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        for argument in node.args
    }
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation | patterns
        ):
            yield node.lineno, node.col_offset, node.value


def half_width(words: str) -> list[str]:
    """Half-width punctuation beside a Chinese character; Jinja's own marks do not count."""
    words = re.sub(r"\{#.*?#\}", "", words, flags=re.DOTALL)
    words = re.sub(r"\{%.*?%\}|<!--.*?-->", " ", words, flags=re.DOTALL)
    quoted = re.findall(r"_\((?:'([^']*)'|\"([^\"]*)\")", words)
    plain = re.sub(r"\{\{.*?\}\}", " ", words, flags=re.DOTALL)
    places = [plain, *(one or other for one, other in quoted)]
    return [found for place in places for found in HALF_WIDTH.findall(place)]


def half_width_in_lines(file: Path) -> list[str]:
    """As ``half_width``, cell by cell in a catalogue: its commas are not text."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines) if file.suffix == ".csv" else ([line] for line in lines)
        return [found for row in rows for each in row for found in HALF_WIDTH.findall(each)]


def test_chinese_stands_with_full_width_punctuation(tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    for file in product():
        for line, _column, words in strings(tree_of(file)):
            if HALF_WIDTH.search(words):
                found.setdefault(name(file), []).append(f"{line}: {words[:40]}")
    for file in sorted((ROOT / "templates").rglob("*.html")):
        if bad := half_width(file.read_text(encoding="utf-8")):
            found[name(file)] = bad
    for file in [*sorted((ROOT / "data").rglob("*.csv")), *sorted((ROOT / "static").glob("*.js"))]:
        if bad := half_width_in_lines(file):
            found[name(file)] = bad

    assert found == {}
    assert half_width("<p>签到,成功</p>") == ["到,"]
    assert half_width('{{ _("签到(成功") }}') == ["到("]
    seeded = {"words.csv": '签到,"签到,成功"\n', "words.js": 'say("签到", "请稍候!再扫");\n'}
    for title, words in seeded.items():
        (tmp_path / title).write_text(words, encoding="utf-8")
    assert half_width_in_lines(tmp_path / "words.csv") == ["到,"]
    assert half_width_in_lines(tmp_path / "words.js") == ["候!"]


def never_said() -> list[str]:
    """Words that no text for residents may hold, but for those inside allowed ones."""
    with (ROOT / "data/defaults/glossary.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    words = {word for row in rows for word in row["never_say"].split("、") if len(word) > 1}
    allowed = "".join(row["resident"] for row in rows)
    return sorted(word for word in words if word not in allowed)


MARKS = {"_", "N_", "gettext", "ngettext"}


READ_FROM_FILES = re.compile(r"/(examples|\w+_reading)\.py$")
"""Examples of the API's document, and headings by which sheets of others are read."""

NAMES = {
    "residents/places.py": {"居委会", "委会", "社区"},
    "admin/console_matrix.py": {"街道", "社区", "镇"},
    "admin/desk_register.py": {" 组"},
    "admin/sheet_files.py": {"行"},
}
"""Parts of places' own names that code takes off or puts on, and a heading of our own files."""


def catalogued() -> set[str]:
    """Return the words that the defaults' files use as values: data, whatever page shows them."""
    found: set[str] = set()
    for file in sorted((ROOT / "data/defaults").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                for column in ("unit", "recorded_by", "open_to", "kind", "category", "source"):
                    found.update((row.get(column) or "").split("|"))
    return found


def unmarked(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the Chinese words of a file that are not marked; English may quote a Chinese one."""
    marked = {
        (inner.lineno, inner.col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
    }
    for line, column, words in strings(tree):
        is_ours = (line, column) in marked or re.match(r"[a-z]|--", words)
        if re.search(rf"[{CHINESE}]", words) and not is_ours:
            yield line, words


def unmarked_in_template(words: str) -> list[str]:
    """Return the Chinese words that stand in a template without a mark."""
    words = re.sub(r"\{#.*?#\}|\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", words, flags=re.DOTALL)
    words = re.sub(r"\b_\(\s*(?:\"[^\"]*\"|'[^']*')", "", words)
    return re.findall(rf"[{CHINESE}]+", words)


def test_every_chinese_word_is_marked_for_translation() -> None:
    data = catalogued()
    found = [
        f"{name(file)}:{line}: {words}"
        for file in product()
        if "demo" not in file.parts and not READ_FROM_FILES.search(str(file))
        for line, words in unmarked(tree_of(file))
        if words not in data | NAMES.get(name(file), set())
    ]
    for file in sorted((ROOT / "templates").rglob("*.html")):
        left = [each for each in unmarked_in_template(file.read_text("utf-8")) if each not in data]
        found += [f"{name(file)}: {words}" for words in left]

    assert found == []
    assert [*unmarked(ast.parse('f(N_("村"), f"{x} 幢")'))] == [(1, " 幢")]
    assert unmarked_in_template("{{ _('村') }}{% trans %}区{% endtrans %}<p>幢</p>") == ["幢"]


def test_residents_never_read_a_word_that_the_glossary_bans() -> None:
    found: dict[str, list[str]] = {}
    for folder in ("residents", "points", "activities", "exchange", "_macros"):
        for file in sorted((ROOT / "templates" / folder).rglob("*.html")):
            words = re.sub(r"\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
            if bad := [word for word in never_said() if word in words]:
                found[name(file)] = bad

    assert found == {}
    assert "打折" in never_said()


# --- templates -------------------------------------------------------------------------------

INLINE = re.compile(r"<[^>]*\s(?:style|on[a-z]+)\s*=", re.IGNORECASE)


@pytest.mark.database("sqlite")
def test_every_template_compiles_and_keeps_to_the_policy(app: Flask) -> None:
    environment: Environment = app.jinja_env
    for file in sorted((ROOT / "templates").rglob("*.html")):
        template = str(file.relative_to(ROOT / "templates"))
        environment.get_template(template)
        words = file.read_text(encoding="utf-8")
        words = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", words, flags=re.DOTALL)
        assert not INLINE.search(words), template

    assert INLINE.search('<p style="x">')
    assert INLINE.search("<a onclick='x'>")


# --- what is not done ------------------------------------------------------------------------


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")
    files = [*product(), *sources("tests", "bench"), *sorted((ROOT / "templates").rglob("*.html"))]
    found = [
        name(file)
        for file in files
        if file.name != "test_architecture.py" and marks.search(file.read_text(encoding="utf-8"))
    ]

    assert found == []


@pytest.mark.database("sqlite")
def test_every_refusal_is_in_the_api_document(app: Flask) -> None:
    document = app.test_client().get(f"{API_PREFIX}v1/openapi.json").get_json()
    described = document["info"]["description"]

    assert [refusal.code() for refusal in all_refusals() if refusal.code() not in described] == []
