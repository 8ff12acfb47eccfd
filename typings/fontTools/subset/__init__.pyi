from collections.abc import Iterable

from fontTools.ttLib import TTFont

class Options:
    hinting: bool
    desubroutinize: bool
    layout_features: list[str]
    name_IDs: list[int]  # noqa: N815 - the library's spelling
    recalc_timestamp: bool
    drop_tables: list[str]

class Subsetter:
    def __init__(self, options: Options) -> None: ...
    def populate(self, *, unicodes: Iterable[int]) -> None: ...
    def subset(self, font: TTFont) -> None: ...
