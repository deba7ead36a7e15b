"""Tables of the request: rows by key, by range, by bracket; never more than strong evidence."""

from __future__ import annotations

from typing import Any

import pytest

from tools.lookup import Lookup, LookupLimits

pytestmark = pytest.mark.anyio
DATABASE: dict[str, Any] = {
    "name": "given",
    "engine": "sqlite",
    "tables": {
        "weather": {
            "columns": [
                {"name": "city", "type": "TEXT"},
                {"name": "day", "type": "TEXT"},
                {"name": "sky", "type": "TEXT"},
                {"name": "humidity", "type": "REAL"},
            ],
            "rows": [
                ["Phnom Penh", "2023-06-21", "Light rain", 72.0],
                ["Phnom Penh", "2023-06-22", "Light rain shower", 64.0],
                ["Suzhou", "2023-06-21", "Sunny", None],
            ],
        },
        "brackets": {
            "columns": [
                {"name": "from", "type": "INTEGER"},
                {"name": "to", "type": "INTEGER"},
                {"name": "rate", "type": "TEXT"},
            ],
            "rows": [[0, 10_000, "0"], [10_000, 50_000, "19"], [50_000, None, "42"]],
        },
    },
}


@pytest.fixture
def looked_up(view):
    async def run(limits: LookupLimits | None = None, final: str = "x", **arguments: Any):
        seen = view("x", final=final, databases=[DATABASE])
        return await Lookup(limits=limits).run(arguments, seen, timeout_seconds=5)

    return run


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (
            {"table": "weather", "key": {"city": "phnom  penh ", "day": "2023-06-21"}, "column": "humidity"},
            [72.0],
        ),
        ({"table": "Weather", "key": {"CITY": "Nowhere"}, "column": "sky"}, []),
        ({"table": "weather", "at_least": {"humidity": 65}, "column": "city"}, ["Phnom Penh"]),
        ({"table": "weather", "at_least": {"day": "2023-06-22"}, "column": "sky"}, ["Light rain shower"]),
        ({"table": "weather", "key": {"humidity": None}, "column": "city"}, ["Suzhou"]),
        (
            {"table": "brackets", "within": {"low": "from", "high": "to", "value": 10_000}, "column": "rate"},
            ["19"],
        ),
        (
            {
                "table": "brackets",
                "within": {"low": "from", "high": "to", "value": 9_999.5},
                "column": "rate",
            },
            ["0"],
        ),
        (
            {"table": "brackets", "within": {"low": "from", "high": "to", "value": 1e9}, "column": "rate"},
            ["42"],
        ),
        ({"table": "brackets", "within": {"low": "from", "high": "to", "value": -1}, "column": "rate"}, []),
    ],
)
async def test_rows_are_found(looked_up, arguments, rows) -> None:
    told = await looked_up(**arguments)
    assert [next(iter(row.values())) for row in told.output["rows"]] == rows
    assert [(one.bearing, one.strength) for one in told.findings] == [("none", "hint")]


@pytest.mark.parametrize(
    ("column", "final", "bearing"),
    [
        ("humidity", "Phnom Penh can expect 72.0 on 2023-06-21.", "confirms"),
        ("humidity", "It is 64.0 on 2023-06-21.", "refutes"),
        ("humidity", "Between 60 and 72.", "none"),
        ("humidity", "I do not know.", "none"),
        ("humidity", "<think>It may be 72.</think>\n\nIt is 64.", "refutes"),
        ("humidity", "<think>It may be 64.</think><think>No.</think>\n\nIt is 72.", "confirms"),
        ("humidity", "It is 72,0 %.", "none"),
        ("humidity", "It is 72,5 %.", "none"),
        ("humidity", "It is 0.072k.", "none"),
        ("sky", "Light rain it is.", "confirms"),
        ("sky", "It is ['Sunny'].", "refutes"),
        ("sky", "A light rain shower.", "refutes"),
        ("sky", "Snow.", "none"),
        ("sky", "There is no light rain.", "none"),
    ],
)
async def test_a_final_answer_is_compared_with_the_cell(
    looked_up, column: str, final: str, bearing: str
) -> None:
    key = {"city": "Phnom Penh", "day": "2023-06-21"}
    told = await looked_up(table="weather", key=key, column=column, is_final=True, final=final)
    assert [(one.bearing, one.strength) for one in told.findings] == [
        (bearing, "hint" if bearing == "none" else "strong")
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"table": "cities", "key": {"a": 1}}, "table must name one of"),
        ({"table": "weather"}, "0 conditions; from 1 to 8"),
        ({"table": "weather", "key": {"town": "x"}}, "no column 'town'"),
        ({"table": "weather", "key": {"city": ["x"]}}, r"key\.city"),
        ({"table": "weather", "key": {"city": "x" * 501}}, "501 characters; the limit is 500"),
        ({"table": "weather", "at_least": {"humidity": None}}, r"at_least\.humidity"),
        ({"table": "brackets", "within": {"low": "from", "high": "to", "value": "much"}}, r"within\.value"),
        ({"table": "weather", "key": {"city": "x"}, "is_final": True}, "needs column"),
        ({"table": "weather", "key": {"city": "x"}, "sql": "x"}, "'sql'"),
    ],
)
async def test_bad_arguments_of_tables_are_named(looked_up, arguments, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        await looked_up(**arguments)


async def test_more_conditions_than_the_limit_are_refused(looked_up) -> None:
    with pytest.raises(ValueError, match="from 1 to 1"):
        await looked_up(LookupLimits(conditions=1), table="weather", key={"city": "x", "day": "y"})


async def test_more_rows_and_longer_cells_than_the_limits_are_cut_and_said(looked_up) -> None:
    told = await looked_up(
        LookupLimits(rows=1, cell_chars=5), table="weather", at_least={"day": "2000-01-01"}, column="city"
    )
    assert (told.truncated, told.output) == (True, {"rows_found": 3, "rows": [{"city": "Phnom [cut]"}]})


def test_it_is_offered_where_a_table_is_given_as_data(view) -> None:
    assert Lookup().offered(view("x", databases=[DATABASE]))
    assert not Lookup().offered(view("x"))


async def test_a_text_that_is_a_number_means_its_very_self_where_that_is_there(view) -> None:
    columns = [{"name": "Code", "type": "TEXT"}]
    tables = {"codes": {"columns": columns, "rows": [["007"], ["7"], ["7.0"], ["'; DROP TABLE x --"]]}}
    seen = view("x", databases=[{"name": "given", "engine": "sqlite", "tables": tables}])
    for key, rows in (("007", 1), ("7", 1), ("07", 3), (7, 3), ("'; drop table X --", 1), ("'", 0)):
        told = await Lookup().run({"table": "codes", "key": {"code": key}}, seen, timeout_seconds=5)
        assert told.output["rows_found"] == rows, key


@pytest.mark.parametrize(
    ("column", "final", "bearing"),
    [
        ("humidity", "About 72 per cent on 2023-06-21.", "confirms"),
        ("share", "It is 25 per cent.", "none"),
        ("share", "It is 0.2 or so.", "none"),
        ("share", "It is 0.4.", "refutes"),
    ],
)
async def test_a_rounded_value_or_one_in_per_cent_is_not_another(view, column, final, bearing) -> None:
    columns = [{"name": name, "type": "TEXT"} for name in ("city", "humidity", "share")]
    tables = {"t": {"columns": columns, "rows": [["A", 72.0, 0.25]]}}
    seen = view("x", final=final, databases=[{"name": "given", "engine": "sqlite", "tables": tables}])
    asked = {"table": "t", "key": {"city": "A"}, "column": column, "is_final": True}
    told = await Lookup().run(asked, seen, timeout_seconds=5)
    assert [one.bearing for one in told.findings] == [bearing]
