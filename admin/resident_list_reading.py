"""What the rows of a list of residents mean: name, number, year of birth, address."""

from __future__ import annotations

from admin.desk_register import read_address
from admin.forms import number
from admin.sheet_files import Kind, SheetRow
from core.errors import N_, Rejected
from residents.lists import ROWS_MAX, TooManyRows
from residents.people import EnterResident


class ListUnreadable(Rejected):
    """The file has no columns of a name and an address or a number."""

    text = N_("这张名单没有看懂。第一行要有：姓名，和住址或手机；出生年可以不写。")


class ListEmpty(Rejected):
    """A list has at least one row."""

    text = N_("名单里没有人。请核对后再来。")


KIND = Kind(
    columns={
        "name": ("姓名", "居民姓名"),
        "address": ("住址", "室号", "地址"),
        "phone": ("手机", "手机号", "手机号码", "联系电话", "电话"),
        "birth_year": ("出生年", "出生年份"),
        "another": ("另一位",),
    },
    is_enough=lambda names: "name" in names and bool({"address", "phone"} & names),
    unreadable=ListUnreadable,
    empty=ListEmpty,
    too_long=TooManyRows,
    rows_max=ROWS_MAX,
)
ListRow = SheetRow[EnterResident]


def understand_list(community: int, rows: list[ListRow]) -> None:
    """Read each row's address and year, or say what is wrong with it."""
    for row in rows:
        cells = row.cells
        raw, year = cells.get("address", ""), cells.get("birth_year", "")
        address = read_address(raw) if raw else None
        if raw and address is None:
            row.error = N_("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。")
        elif year and number(year) is None:
            row.error = N_("出生年份不对，请填四位数字，或者留空。")
        else:
            row.means = EnterResident(
                community=community,
                name=cells.get("name", ""),
                phone=cells.get("phone") or None,
                birth_year=number(year),
                address=address,
                another_person=cells.get("another") == "是",
            )
