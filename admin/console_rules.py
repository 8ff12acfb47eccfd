"""The console's list of rules that lie outside the district's band."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from admin import rule_words
from admin.blueprints import console
from core.work import business_day, present, reader
from points.earning.rule_table import outside_band
from residents import queries


@console.get("/rules-outside-band")
def rules_outside() -> ResponseReturnValue:
    """Show which communities give how much beyond the guidance catalogue."""
    found = outside_band(reader(), business_day(present()))
    places = {place.code: place for place in queries.places(reader())}
    names = queries.names(reader(), {row.set_by for row in found})
    return render_template(
        "admin/rules_outside.html",
        rows=tuple(
            {
                "place": places[row.community].display_name,
                "subdistrict": places[row.community].subdistrict,
                "name": row.name,
                "kind": row.points_kind,
                "unit": rule_words.unit_words(row.unit),
                "points": row.points,
                "low": row.low,
                "high": row.high,
                "since": row.valid_from,
                "by": names.get(row.set_by, ""),
            }
            for row in found
        ),
    )
