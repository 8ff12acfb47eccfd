"""Why no test can notice some changes of the ledger: ``make mutants`` writes it beside each."""

from __future__ import annotations

import re

GONE = "nothing"
"""What a change says that only takes something away."""

REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "An account's number is 63 bits of a digest, below zero for the system's: neither 0 nor 1.": (
        ("", r"(debit|credit|side) (>= 0|> 1)"),
    ),
    "SQLAlchemy finds the same condition by the only foreign key.": (
        (r"books\.x_books|own_rules\.x__first|wallet\.x__under_way", r"\.join\(\w+, (None)?\)"),
    ),
    "The chunks overlap: an account that is there is left alone, it costs trips.": (
        (r"accounts\.x_open_accounts", r"range\(0, len\(rows\), \)"),
    ),
    "It only narrows what is read: the answer is what is missing of the holders.": (
        (r"ledger\.x__why_not", rf"→ {GONE}"),
    ),
    "Where nothing meets the leg the number is not used.": (
        (r"reversal\.x_split", r"theirs = 1 if pair is None"),
    ),
    "The table has no other unique key.": (
        (r"reversal\.x_reverse$|act_sheets\.x_keep_rows", r"index_elements=None"),
    ),
    "A name inside one statement, or its case, which PostgreSQL does not mind.": (
        (r"posting_sql\.x__single", r"XXfreshXX|FRESH|_SIDE\.(VERSION|BALANCE)|union all"),
        (r"posting_sql\.x__single", r"\"null\"|cast\(:v_standard as bigint\)"),
    ),
    "One account more is locked before it is written anyway: it costs a trip.": (
        (r"ledger\.x_post", r"debit_holder or sides\.credit_holder"),
    ),
    "A number says itself what it is, and what is nothing may be of any kind.": (
        (r"posting_sql\.x__single", r"replace\(\"(:V_STANDARD|XX:v_standardXX)\""),
    ),
    "Unlocked, a posting finds less than was read, is refused by its guard and tried again.": (
        (r"ledger\.x_free_of", r"lock_accounts\(work, \)"),
    ),
    "The hold is closed once by its own state: unlocked, two may wait and one is tried again.": (
        (r"holds\.x__close_hold", r"lock_accounts\(work, \)"),
    ),
    "Another order or a stronger lock makes postings wait or try again, none of them wrong.": (
        (r"ledger\.x_lock_accounts", r"order_by\(None\)|key_share=False"),
    ),
    "The mark of that year is the least of those that stay: it is written as it is.": (
        (r"marks\.x_keep_older", r"year <= year"),
    ),
    "Where both are equal either is written.": ((r"marks\.x_keep_older", r"raised <= most"),),
    "A word for people: it is looked for among others, not from edge to edge.": (
        ("", r"→ .*XX[^X]*[\u4e00-\u9fff][^X]*XX"),
    ),
    "Called while the module is imported, before a change is switched on.": (
        (r"(correcting|earning)\.schemas\.x__(words|cap)$", ""),
        (r"claim\.x__claiming|verify_audited\.x_unaudited", ""),
    ),
    "The accounts are holders': it lets the index be used.": (
        (r"honour\.x_of_the_year", rf"Transfer\.debit > 0, → {GONE}"),
    ),
    "No two rows of a rule are set at one moment.": (
        (r"own_rules\.x__first", r"order_by\(CommunityRule\.set_at"),
    ),
    "It differs for a rule of a hundredth of a point.": (
        (r"rule_table\.x_elsewhere", r"points > 1"),
    ),
    "The first row is read, however many there are.": (
        (r"rush\.x_last_run", r"limit\(2\)"),
        (r"community_rules\.x__latest", r"limit\(2\)"),
        (r"sealing\.x_head_of|bulletins\.publish\.x__lines", r"limit\(None\)"),
    ),
    "The database reads them in this order anyway; it is said so that it has to.": (
        (r"books\.x_books", r"Account\.purpose, \),?$"),
        (
            r"warning\.x_warn_chunk|lists\.x_lines_of|expiry\.x_ended_holders|lapsed\.x__runs",
            r"order_by\(None\)",
        ),
    ),
    "It only narrows what is read: what is looked up is named by holder, rule and period.": (
        (r"many\.x__used", r"→ (nothing|\))$"),
    ),
    "Both are as long.": (
        (r"many\.xǁ_Manyǁ(award|_limits)", r"strict=False|(limits|caps), \)"),
        (r"posting_sql\.x__single", r"zip\(names, guards, (strict=False)?\)"),
        (r"(community_rules|defaults)\.x_+check_caps", r"caps\.together, \)|strict=False"),
    ),
    "The last ten figures of an id have no dash between them.": (
        (r"words\.x_number", r"replace\(\"-\", \"XXXX\"\)"),
    ),
    "A name inside one query, which is read by its place.": (
        (r"feeds\.queries\.x_feeders|rush\.x_rush$", r"\"TOTALS\"|XXresidentsXX"),
    ),
    "It only narrows what is read: whether spans meet is asked of each.": (
        (r"hours\.x_(_imported|imported_before|known_spans)", r"ImportedHours.starts_at"),
    ),
    "An id is of one thing only, whatever its kind.": (
        (r"receipts\.x_evidence|wallet\.x__posted", r"and_\(Award\.id == [\w.]+\.source_id\)"),
    ),
    "Another order makes postings wait or try again, none of them wrong.": (
        (r"many\.xǁ_Manyǁwrite", r"XXplaceXX|PLACE"),
        (r"many\.xǁ_Manyǁ_raised", r"→ (for .*sorted\(.*(key=None|, )\):|return holder in )"),
    ),
    "A counter that is raised by nothing is as it was.": (
        (r"many\.xǁ_Manyǁ_raised", r"count\.used >= count\.before"),
    ),
    "Who got all that they asked for is told of no cap.": (
        (r"many\.xǁ_Manyǁaward", r"units <= command\.units"),
    ),
    "Nothing arrives in the very microsecond of midnight.": (
        (r"bulletins\.publish\.x__lines", r"done_at <= cut_at"),
    ),
    "No two are asked in one microsecond.": ((r"helping\.x__asked", r"created_at, \)"),),
    "The place of a paper or of a proposal is there.": (
        (
            r"reminding\.x_tell_household|check_views\.x__page|answers_views\.x_heading|deciding\.x_tell",
            r"get\([\w.]+, (\"XXXX\"|None)?\)",
        ),
    ),
    "A size or a tone of print, or white on paper.": (
        (
            r"(bulletins|statements)\.paper\.x_",
            r"heading, 17|soft=(True|False|None)|soft=True\) → .*\)$|\.(gap|room)\(",
        ),
    ),
    "It costs memory, and changes nothing.": (
        (r"statements\.sums\.x_streamed", r"yield_per|query, \)"),
        (r"proof\.sealing\.x_", r"yield_per=None|leaves: bool = True"),
    ),
    "A name for a digest, which is made in this one place.": (
        (
            r"carrying\.xǁ_Move|act_sheets\.x_|shortages\.x__collect_reversal",
            r"\"(HOME|XX(own|home|help|sheet)XX)\"|uuid8\([\w.]+, None, ",
        ),
        (r"expiry\.x_going_on|act_sheets\.x_sheet_id", r"XX\w+XX|EXPIRY|, None, "),
        (r"awards\.x_row_of", r"command\.cause, 0, 2\)"),
        (r"own_rules\.x_own_key", r"blake2b\(name\.encode\(\), \)"),
    ),
    "A sum of nothing is read as none.": ((r"publish\.x__corrected", r"else_=None"),),
    "One is longer on purpose, and zip is not strict by itself.": (
        (r"chain\.x_spans", r"zip\(\[BEGINNING, \*days\], days, \)"),
    ),
    "The same moment in another zone.": ((r"hours_api\.x__rows", r"astimezone\(None\)"),),
    "The chunks overlap: what is found twice is the same; it costs trips.": (
        (r"repeats\.x_last_awards", r"range\(0, len\(wanted\), \)"),
    ),
    "No rule is worth less than a whole point.": (
        (r"community_rules\.x__outside|defaults\.x_load_rules", r"points_base(\"\]\))? (>=|<) 1\b"),
    ),
    "The finished run is asked again and says so: it costs a trip.": (
        (r"expiry\.x_due_days", r"day >= last"),
    ),
    "Whoever has nothing free is asked and loses nothing: it costs a trip.": (
        (r"expiry\.x_ended_holders", r"held >= 0|debited \+ Account\.held"),
    ),
    "The checker behind it asks for the community, too.": (
        (r"imported\.x_record_hours", r"require\(\"hours\.import\", \)"),
    ),
    "A stronger lock makes batches of one feeder wait for each other, none of them wrong.": (
        (r"items\.x_kept_from_stopping", r"read=False"),
    ),
    "The case of a word of SQL.": (
        (r"canonical\.x_lines|checks\.x__first", r"\" (and \{community\}|order by)"),
    ),
    "A district's admin reaches every community of the house.": (
        (r"publish\.x_post_bulletin", r"require\(\"job\.run\", None\)"),
    ),
    "Rows with a host are orders: tests/exchange/test_verify_orders.py notices it.": (
        (r"checks\.x__community", r"get\(\"community\", \)"),
    ),
    "A name that stands in no rule.": ((r"recorders\.x_recorder$", r"\"XXXX\""),),
    "Where a leg has no standard, that of what came back is not asked for.": (
        (r"reversal\.x_sums_back", r"Transfer\.standard, 1"),
    ),
    "Nothing of a holder's account is folded: it only says so.": (
        (r"book\.x__rows", r"purpose != \"XXholderXX\""),
    ),
    "Nothing is added either way.": ((r"sums\.x_sums_of", r"moved >= 0"),),
    "Without a first row its table is not written.": (
        (r"proving\.x_keep_proofs", r"table=\"XXXX\""),
    ),
    "The month's own list is not there yet when its lines are read.": (
        (r"publish\.x__lines", r"Bulletin\.month <= month"),
    ),
    "A number is read as a number, whatever its type is called.": (
        (r"sealing\.x_blocks", r"column\(\"rows\", None\)"),
    ),
    "Each place has found one thing at most: the places alone tell the order.": (
        (r"sharing\.x_by_two", r"sorted\(found, key=None\)"),
    ),
    "Only who writes between two queries of one look would see it.": (
        (r"proving\.x__one_snapshot", r"POSTGRESQL"),
    ),
    "Only how PostgreSQL looks for it differs: the same is found.": (
        (r"checks\.x__plan", r"sqlite|SQLITE"),
    ),
    "A part is found by its own query; it is not asked for parts again.": (
        (r"sharing\.x_cut$", r"part, \)"),
    ),
}
"""By the sentence: where, and what of "before → after", as patterns."""


def why(name: str, before: str, after: str) -> str | None:
    """Return the first reason that fits a change of a function; None: nobody knows."""
    change = f"{before} → {after}"
    return next(
        (
            sentence
            for sentence, changes in REASONS.items()
            if any(re.search(where, name) and re.search(what, change) for where, what in changes)
        ),
        None,
    )
