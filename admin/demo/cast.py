"""Invented people and addresses; places are real. The same seed gives the same district."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严俞洪"
OLD_WOMEN = [
    "秀英",
    "桂英",
    "玉珍",
    "凤英",
    "美华",
    "月娥",
    "彩凤",
    "金妹",
    "雪琴",
    "玉兰",
    "素珍",
    "惠芳",
    "阿花",
    "荷英",
    "水仙",
    "巧云",
    "菊英",
    "爱珍",
    "招娣",
    "文娟",
]
OLD_MEN = [
    "建国",
    "国强",
    "志明",
    "德明",
    "阿毛",
    "水根",
    "福根",
    "金龙",
    "荣根",
    "永康",
    "正华",
    "文忠",
    "根发",
    "祥林",
    "云生",
    "伯年",
    "庆丰",
    "长根",
    "关林",
    "土根",
]
WOMEN = [
    "丽娜",
    "晓燕",
    "海燕",
    "芳芳",
    "静怡",
    "佳敏",
    "婷婷",
    "雅琴",
    "春梅",
    "红霞",
    "思雨",
    "梦洁",
    "晓琳",
    "慧敏",
    "雯雯",
    "佩佩",
    "莉莉",
    "倩",
    "洁",
    "颖",
]
MEN = [
    "伟",
    "军",
    "勇",
    "磊",
    "涛",
    "明杰",
    "建平",
    "志远",
    "海波",
    "晓东",
    "俊杰",
    "宇航",
    "文斌",
    "立新",
    "国栋",
    "少华",
    "剑锋",
    "一鸣",
    "浩然",
    "凯",
]
CHILDREN = [
    "子涵",
    "梓轩",
    "欣怡",
    "可馨",
    "一诺",
    "雨桐",
    "诗涵",
    "浩宇",
    "宇轩",
    "沐阳",
    "安然",
    "思远",
]
ESTATES = [
    "建国南苑",
    "清波里",
    "望江新园",
    "凯旋苑",
    "采荷人家",
    "闸弄口新村",
    "四季花园",
    "彭埠家园",
    "笕桥花苑",
    "丁兰雅居",
    "九堡锦园",
    "柳浪新苑",
    "金钗里",
    "茶亭苑",
    "梅花碑",
    "莲花新村",
    "春江公寓",
    "庆春里",
    "景芳一区",
    "南肖埠",
]


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a household, as staff would type the row."""

    name: str
    phone: str | None
    birth_year: int
    is_elder: bool


@dataclass(frozen=True, slots=True)
class Home:
    """A household with its address."""

    estate: str
    building: str
    unit: str
    room: str
    members: tuple[Member, ...]


class Cast:
    """Deals out names, numbers and addresses, never the same number twice."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self._numbers = 0

    def phone(self) -> str:
        """Return the next invented number; the 192 block's zeros are not in service."""
        self._numbers += 1
        return f"1920000{self._numbers:04d}"

    def _name(self, surname: str, given: list[str]) -> str:
        return surname + self.dice.choice(given)

    def homes(self, count: int, *, village: bool) -> Iterator[Home]:
        """Deal out households of one community."""
        estates = self.dice.sample(ESTATES, 2)
        for index in range(count):
            estate = f"{1 + index % 4} 组" if village else estates[index % 2]
            yield Home(
                estate,
                str(1 + self.dice.randrange(30 if village else 12)),
                "" if village else str(1 + self.dice.randrange(4)),
                f"{index + 1}" if village else f"{1 + self.dice.randrange(12)}0{1 + index % 4}",
                tuple(self._members()),
            )

    def _members(self) -> Iterator[Member]:
        """Two and a half people on average; one elder in four has no phone."""
        family = self.dice.choice(SURNAMES)
        shape = self.dice.random()
        if shape < 0.4:  # noqa: PLR2004 - four households in ten are elderly couples
            husband = self._member(family, OLD_MEN, 1945, 1962)
            wife = self._member(self.dice.choice(SURNAMES), OLD_WOMEN, 1947, 1964)
            yield husband
            # One couple in eight has one phone between them.
            yield replace(wife, phone=husband.phone) if self.dice.random() < 0.125 else wife  # noqa: PLR2004
            return
        yield self._member(family, MEN, 1970, 1995)
        yield self._member(self.dice.choice(SURNAMES), WOMEN, 1972, 1996)
        if shape < 0.8:  # noqa: PLR2004 - and four in ten have a child
            yield Member(self._name(family, CHILDREN), None, self.dice.randrange(2010, 2020), False)  # noqa: FBT003
        if shape > 0.88:  # noqa: PLR2004 - and some a grandmother
            yield self._member(self.dice.choice(SURNAMES), OLD_WOMEN, 1940, 1956)

    def _member(self, surname: str, given: list[str], born: int, before: int) -> Member:
        year = self.dice.randrange(born, before)
        elder = year < 1966  # noqa: PLR2004 - sixty years old in the year of the demonstration
        has_phone = not elder or self.dice.random() < 0.75  # noqa: PLR2004
        name = self._name(surname, given)
        return Member(name, self.phone() if has_phone else None, year, elder)
