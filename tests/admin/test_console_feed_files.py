"""导入文件: a feeder's file at the console, looked at, recorded once, given back as a result."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart
from xlsxwriter import Workbook

from admin import console_feed_files
from admin.feed_reading import KIND, FeedFileTooLong, FeedFileUnreadable, Known, read_row
from admin.sheet_files import SheetRow, lines_of, rows_of
from core.sheets import BOM
from points.earning.act_sheets import ActSheetEmpty
from points.feeds.files import FeedFile, FileRow, RecordFileRows, record_file_rows
from points.feeds.items import Item
from tests.admin.console import auditor, post
from tests.admin.forms import Forms, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.earning import count
from tests.points.feeding import BIN, HOME, HOURS, Feed, feeder, open_rule, platform, thrown

Run = Callable[..., Any]
HEAD = "记录编号,住址,时间,数量"
AT = "2026-11-25 09:30:15"
MOMENT = dt.datetime(2026, 11, 25, 1, 30, 15, tzinfo=dt.UTC)


@pytest.fixture
def bins(app: Flask, run: Run, cast: People, clock: Clock) -> Feed:
    """The bin of 建国南苑, in use, on a day on which the community counts bins."""
    open_rule(run, cast, clock)
    return feeder(app, run, cast, clock)


def page_of(feed: Feed) -> str:
    return f"/console/feeders/{feed.id}/file"


def file_of(*lines: str, name: str = "十一月.csv", encoding: str = "utf-8") -> Any:
    return io.BytesIO("\n".join(lines).encode(encoding)), name


def send(browser: FlaskClient, feed: Feed, file: Any, way: str = "") -> Any:
    """Choose a file on the page and press a button: the import's, or the look's."""
    shown = browser.get(page_of(feed)).get_data(as_text=True)
    sent = next(dict(values) for action, values, _n in Forms(shown).forms if "/file" in action)
    return upload(browser, f"{page_of(feed)}{way}", sent, file)


def upload(browser: FlaskClient, address: str, fields: dict[str, str], file: Any) -> Any:
    """Send fields and a file; Werkzeug's client would leave a large one open."""
    boundary, body = encode_multipart(fields | {"file": FileStorage(*file)})
    kind = f"multipart/form-data; boundary={boundary}"
    return browser.post(address, data=body, content_type=kind)


def rows_in(browser: FlaskClient, address: str) -> tuple[bytes, list[list[str]]]:
    """Return a file that is downloaded, and its rows."""
    raw = browser.get(address).get_data()
    return raw, list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))


def result(browser: FlaskClient, answer: Any) -> list[dict[str, str]]:
    """Return the rows of the result file of an import."""
    assert answer.status_code == 303, words(answer)
    _raw, (head, *rows) = rows_in(browser, f"{answer.location}/result.csv")
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_file_is_looked_at_then_recorded_and_every_row_is_in_its_result(
    ask: Run, cast: People, bins: Feed
) -> None:
    lines = (
        HEAD,
        f"a1,{HOME},{AT},",
        "",
        f"a2,{HOME},昨天,",
        f",{HOME},{AT},",
        f"a4,建国南苑 9-9-999,{AT},1",
        f"a5,{HOME},2026/11/25 9:31,",
    )
    lin = cast.browser(cast.lin)

    looked = send(lin, bins, file_of(*lines), "/look")

    said = words(looked)
    assert "1行可以记，共1分，1行已到上限，3行要改" in said
    for reason in ("时间没有看懂", "没有写记录编号", "没有这位居民或这一户"):
        assert reason in said
    assert (ask(count, "awards"), ask(count, "feed_batches")) == (0, 0)

    done = send(lin, bins, file_of(*lines))

    rows = result(lin, done)
    assert [(row["行"], row["记录编号"], row["分"], row["结果"]) for row in rows] == [
        ("2", "a1", "1", "记上了"),
        ("4", "a2", "0", "没有记"),
        ("5", "", "0", "没有记"),
        ("6", "a4", "0", "没有记"),
        ("7", "a5", "0", "已到上限，不计分"),
    ]
    assert [bool(row["原因"]) for row in rows] == [False, True, True, True, True]
    shown = words(lin.get(done.location))
    assert "记上1行，共1分，1行已到上限，3行没有记。建国南苑1号垃圾房的文件，林海导入" in shown
    assert "十一月.csv，林海导入" in words(lin.get("/console/feeders"))
    assert ask(count, "awards") == 1


@pytest.mark.parametrize("mark", ["", BOM])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_what_the_api_told_is_the_same_in_a_file_and_the_other_way_round(
    ask: Run, cast: People, bins: Feed, encoding: str, mark: str
) -> None:
    lin = cast.browser(cast.lin)
    assert bins.states(thrown("a1", MOMENT)) == ["recorded"]
    lines = (f'{mark}"记录编号",住址,时间,数量', f"a1,{HOME},{AT},1", f"a2,建国南苑 5-1-102,{AT},")

    rows = result(lin, send(lin, bins, file_of(*lines, encoding=encoding)))

    assert [row["结果"] for row in rows] == ["以前记过", "记上了"]
    assert bins.states(thrown("a2", MOMENT, "建国南苑 5-1-102", units=1)) == ["exists"]
    assert ask(count, "awards") == 2


def test_the_same_file_again_is_the_same_result_and_records_nothing(
    ask: Run, cast: People, bins: Feed
) -> None:
    places = set()
    for who in (cast.lin, cast.lin, cast.wu):
        browser = cast.browser(who)
        done = send(browser, bins, file_of(HEAD, f"a1,{HOME},{AT},"))
        assert [row["结果"] for row in result(browser, done)] == ["记上了"]
        places.add(done.location)
    assert len(places) == 1
    assert (ask(count, "awards"), ask(count, "feed_batches")) == (1, 1)


def test_a_workbook_keeps_its_seconds(app: Flask, cast: People, bins: Feed) -> None:
    out = io.BytesIO()
    book = Workbook(out, {})
    page, moment = book.add_worksheet("表"), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for column, head in enumerate(("流水号", "投放时间", "地址", "社区")):
        page.write_string(2, column, head)
    page.write_number(3, 0, 20261125000193)
    page.write_datetime(3, 1, dt.datetime(2026, 11, 25, 9, 30, 15), moment)  # noqa: DTZ001
    page.write_string(3, 2, HOME)
    page.write_number(3, 3, HERE)
    book.close()
    lin = cast.browser(cast.lin)
    assert bins.states(thrown("20261125000193", MOMENT)) == ["recorded"]

    rows = result(lin, send(lin, bins, (io.BytesIO(out.getvalue()), "十一月.xlsx")))

    assert [(row["行"], row["结果"]) for row in rows] == [("4", "以前记过")]


def test_hours_of_a_platform_come_in_a_file_too(
    app: Flask, run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    hours = platform(app, run, cast, clock)
    lines = (
        "记录编号\t姓名\t手机号\t开始时间\t结束时间",
        "z1\t王秀英\t138 0000 0001\t2026-11-20 09:00\t2026-11-20 11:00",
        "z2\t王秀英\t13800000001\t2026-11-21 09:00\t",
    )
    lin = cast.browser(cast.lin)

    rows = result(lin, send(lin, hours, file_of(*lines)))

    assert [(row["结果"], row["分"]) for row in rows] == [("记上了", "20"), ("没有记", "0")]
    assert "要写开始和结束的时间" in rows[1]["原因"]
    assert ask(count, "imported_hours") == 1


def read(table: list[list[str]], known: Known) -> FileRow:
    """Return what the one row of a table means."""
    lines: list[SheetRow[Item]] = rows_of(table, KIND)
    assert len(lines) == 1
    return read_row(lines[0], known)


KNOWN = Known(rules={"智能投放合格": BIN, BIN: BIN}, places={"青年里社区": HERE})
BOTH = Known(rules={"智能投放合格": BIN, "志愿平台时长": HOURS}, places={})


@pytest.mark.parametrize(
    ("changes", "known", "reason"),
    [
        ({"key": ""}, KNOWN, "没有写记录编号"),
        ({"key": "x" * 101}, KNOWN, "记录编号太长"),
        ({"rule": ""}, BOTH, "没有写规则"),
        ({"address": ""}, KNOWN, "三种里的一种"),
        ({"name": "王秀英", "phone": "13800000001"}, KNOWN, "三种里的一种"),
        ({"address": "", "name": "王秀英"}, KNOWN, "三种里的一种"),
        ({"address": "", "id": "3-2-401"}, KNOWN, "户或居民的编号没有看懂"),
        ({"community": "没有这个社区"}, KNOWN, "没有看懂是哪个社区"),
        ({"at": ""}, KNOWN, "时间没有看懂"),
        ({"at": "2026-11-25"}, KNOWN, "时间没有看懂"),
        ({"at": "2026-02-30 09:00"}, KNOWN, "时间没有看懂"),
        ({"at": "0001-01-01 00:00:00"}, KNOWN, "时间没有看懂"),
        ({"until": "很久"}, KNOWN, "时间没有看懂"),
        ({"until": AT, "units": "1"}, KNOWN, "不写数量"),
        ({"units": "0"}, KNOWN, "数量要是"),
        ({"units": "101"}, KNOWN, "数量要是"),
        ({"units": "两"}, KNOWN, "数量要是"),
    ],
)
def test_a_row_that_says_too_little_is_refused_by_its_own_sentence(
    changes: dict[str, str], known: Known, reason: str
) -> None:
    cells = {"key": "a1", "rule": "智能投放合格", "address": HOME, "at": AT} | changes
    names = list(KIND.columns)
    table = [[KIND.columns[name][0] for name in names], [cells.get(name, "") for name in names]]

    row = read(table, known)

    assert (row.item, reason in row.error) == (None, True)


@pytest.mark.parametrize(
    "written",
    [
        AT,
        "2026/11/25 9:30:15",
        "2026.11.25 09:30:15",
        "2026年11月25日 9：30：15",
        "2026-11-25T09:30:15+08:00",
        "2026-11-25T01:30:15Z",
    ],
)
def test_moments_are_read_as_people_and_programs_write_them(written: str) -> None:
    table = [["编号", "地址", "社区", "时间"], ["a1", HOME, "青年里社区", written]]

    row = read(table, KNOWN)

    assert row.item is not None
    assert (row.item.at, row.item.rule, row.item.holder.community) == (MOMENT, BIN, HERE)


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"", ActSheetEmpty),
        (HEAD.encode(), ActSheetEmpty),
        ("编号,时间\na1,2026".encode(), FeedFileUnreadable),
        ("住址,时间\n建国南苑,2026".encode(), FeedFileUnreadable),
        (b"\xff\xfe\xfa\x80\x81", FeedFileUnreadable),
        (f"{HEAD}\na\0,b,c,d".encode(), FeedFileUnreadable),
        (f"{HEAD}\n".encode() + b"a,b,c,d\n" * (KIND.rows_max + 1), FeedFileTooLong),
    ],
)
def test_what_is_no_file_of_a_feeder_is_refused(raw: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        _rows: list[SheetRow[Item]] = rows_of(lines_of(io.BytesIO(raw), KIND), KIND)


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(
    ask: Run, cast: People, bins: Feed
) -> None:
    lin = cast.browser(cast.lin)
    lines = [HEAD, *(f"a{number},{HOME},{AT}," for number in range(600)), "a\0,b,c,d"]

    for way in ("", "/look"):
        answer = send(lin, bins, file_of(*lines), way)
        assert (answer.status_code, "这个文件没有看懂" in words(answer)) == (422, True)
    assert (ask(count, "awards"), ask(count, "feed_batches")) == (0, 0)


def test_no_file_and_one_that_is_too_large_are_refused(
    cast: People, bins: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin = cast.browser(cast.lin)
    none = send(lin, bins, (io.BytesIO(b""), ""))
    assert (none.status_code, "请先选一个文件" in words(none)) == (422, True)
    # Larger than an entry may be elsewhere, and still a file.
    long = f"{HEAD}\n".encode() + b"," * (3 * 1024 * 1024)
    assert send(lin, bins, (io.BytesIO(long), "a.csv")).status_code == 422
    monkeypatch.setattr(console_feed_files, "FILE_BYTES_MAX", 10)
    large = send(lin, bins, file_of(HEAD))
    assert (large.status_code, "文件太大了" in words(large)) == (413, True)


def test_who_does_not_manage_feeders_sends_no_file_and_no_large_one(
    ask: Run, run: Run, cast: People, bins: Feed
) -> None:
    looks = auditor(run, cast)
    for browser in (looks, cast.browser(cast.staff), cast.browser(cast.wang)):
        assert browser.get(page_of(bins)).status_code == 403
        assert browser.get(f"/console/feeders/{bins.id}/template.csv").status_code == 403
    for way in ("", "/look"):
        assert post(looks, f"{page_of(bins)}{way}").status_code == 403
    large = (io.BytesIO(b"," * (3 * 1024 * 1024)), "a.csv")
    assert upload(looks, page_of(bins), {}, large).status_code == 413
    assert ask(count, "feed_batches") == 0


def test_a_feeder_that_nobody_knows_or_that_is_stopped_takes_no_file(
    cast: People, bins: Feed
) -> None:
    lin = cast.browser(cast.lin)
    assert lin.get(f"/console/feeders/{uuid4()}/file").status_code == 404
    assert lin.get(f"/console/feed-files/{uuid4()}").status_code == 404
    assert lin.get(f"/console/feed-files/{uuid4()}/result.csv").status_code == 404
    fill(lin, "/console/feeders", "/feeders/stop")
    assert "导入文件" not in words(lin.get("/console/feeders"))
    refused = send(lin, bins, file_of(HEAD, f"a1,{HOME},{AT},"))
    assert (refused.status_code, "已经停用" in words(refused)) == (409, True)


def test_a_template_fits_its_feeder_and_counts_for_nobody(
    app: Flask, run: Run, ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    hours = platform(app, run, cast, clock)
    both = feeder(
        app, run, cast, clock, name="城管", kind="city", scope_kind="district", rules=(BIN, HOURS)
    )
    lin = cast.browser(cast.lin)
    heads: list[list[str]] = []
    reasons: list[str] = []
    for feed in (bins, hours, both):
        raw, (head, *rows) = rows_in(lin, f"/console/feeders/{feed.id}/template.csv")
        heads.append(head)
        outcomes = result(lin, send(lin, feed, (io.BytesIO(raw), "模板.csv")))
        assert [row["结果"] for row in outcomes] == ["没有记"] * len(rows)
        reasons += [row["原因"][:10] for row in outcomes]
    assert reasons == ["本社区没有这位居民或"] + ["没有看懂是哪个社区，"] * 3
    assert heads == [
        ["记录编号", "规则", "住址", "时间", "数量"],
        ["记录编号", "规则", "社区", "姓名", "手机号", "时间", "结束时间"],
        ["记录编号", "规则", "社区", "住址", "姓名", "手机号", "时间", "结束时间", "数量"],
    ]
    assert ask(count, "awards") == 0


def test_a_file_that_broke_off_says_so_and_goes_on_when_it_comes_again(
    run: Run, ask: Run, cast: People, bins: Feed
) -> None:
    """As after a power cut between two of its transactions."""
    lin, lines = cast.browser(cast.lin), (HEAD, *(f"a{n},{HOME},{AT}," for n in range(320)))
    raw, name = file_of(*lines)
    digest = hashlib.sha256(raw.getvalue()).hexdigest()
    file = FeedFile(feeder=bins.id, name=name, digest=digest, total=320)
    table: list[SheetRow[Item]] = rows_of(lines_of(raw, KIND), KIND)
    rows = [read_row(line, Known(rules={BIN: BIN}, places={})) for line in table]
    command = RecordFileRows(file=file, rows=tuple(rows[:250]), goes_on=False)
    batch = run(record_file_rows, command, cast.actor(cast.lin)).batch
    place = f"/console/feed-files/{batch}"
    assert "这个文件有320行，导到250行断了。再导入一次就接着记" in words(lin.get(place))
    assert "请区级管理员再导入一次" in words(auditor(run, cast).get(place))

    done = send(lin, bins, file_of(*lines))

    assert done.location == place
    shown = words(lin.get(place))
    assert ("断了" in shown, "另有20行没有列出" in shown) == (False, True)
    assert len(result(lin, done)) == 320
    assert ask(count, "awards") == 1


def test_a_look_lists_the_first_of_many_wrong_rows(cast: People, bins: Feed) -> None:
    lines = (HEAD, *(f"a{number},{HOME},昨天," for number in range(120)))
    said = words(send(cast.browser(cast.lin), bins, file_of(*lines), "/look"))
    assert "120行要改" in said
    assert "另有20行要改的没有列出" in said
