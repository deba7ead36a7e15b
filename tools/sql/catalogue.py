"""The functions that queries may call, per engine: those of its own catalogue less what is denied here.

`python -m tools.sql.catalogue` writes the lists anew from the installed engines; they are data, so that a newer engine
brings no new function in silence. Knows names only: what a listed function costs is left to the limits of the box.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

from judge_agent.schema import Engine

# These reach out of the database: files, network, extensions, settings, other databases, text run as a query. Names of
# functions that there are: what a database or a query calls its own may well begin with `write` or `read`.
_OUTSIDE = {
    "sqlite": re.compile(r"load_extension|readfile|writefile|fsdir|edit|fts3_tokenizer"),
    "duckdb": re.compile(
        r"read_(?:blob|text|csv|csv_auto|json\w*|ndjson\w*|parquet|duckdb|single_\w+_file|xlsx|avro|gsheet)|sniff_csv|"
        r"parquet_(?:bloom_probe|\w*metadata|scan|schema)|glob|getenv|load_extension|query|query_table|current_setting|"
        r"duckdb_(?:settings|secrets|logs|extensions|temporary_files|memory|approx_database_count|optimizers|external_\w+)|"
        r"which_secret|set_config|pg_(?:read|ls)_\w+|lo_import|lo_export|st_read\w*|http_(?:get|post|head|put|delete)\w*|"
        r"(?:sqlite|postgres|mysql|iceberg|delta|lance|ducklake)_(?:scan\w*|attach|query|execute|metadata|snapshots)|"
        r"seq_scan|(?:python_)?arrow_scan\w*|pandas_scan|python_map_function|write_log|force_checkpoint|checkpoint|"
        r"add_parquet_key|json_execute_serialized_sql|from_substrait\w*|(?:en|dis)able_(?:logging|profiling)|"
        r"import_database|\w+_external_resources?(?:_types?)?|truncate_duckdb_logs|sql_auto_complete"
    ),
}
# These give another result each time, or another one on each machine, or are the engine's own affair.
_UNSTEADY = re.compile(
    r"random|rand|randomblob|setseed|uuid|gen_random_uuid|uuidv[47]|nextval|currval|txid_current|\w*reservoir\w*|"
    r"current_query\w*|current_connection_id|current_transaction_id|version|sqlite_\w+|pg_\w+|duckdb_\w+|pragma_\w+|"
    r"changes|total_changes|last_insert_rowid|current_database|current_schemas?|current_user|session_user|user|"
    r"in_search_path|get_block_size|getvariable|error|sleep\w*|write_log|parse_duckdb_log_message|vector_type|"
    r"stats|storage_info|pragma\w*|is_histogram_other_bin|has_\w+_privilege|rtree\w*|fts\w*|offsets|optimize|"
    r"shobj_description|col_description|obj_description|format_pg_type|inet_\w+|zeroblob_open|finalize|"
    r"create_sort_key|combine|invalidate_\w+|profiling_output|finish_\w+|inject_\w+|nothing|(?:icu|collate)_\w+|"
    r"__\w+|setval|json_serialize_plan|repeat_row|test_\w+|sql_\w+|matchinfo|subtype|bar|index_key|vertex_\w+|"
    r"variant_bytes\w*|variant_to_\w+|hive_\w+|map_to_pg_oid|remap_struct|replace_type|make_type|get_type|\w+_byte_comparable"
)
# The parsers know these themselves; no catalogue names them.
_SPECIAL = (
    "coalesce nullif ifnull if iif cast try_cast extract position substring trim ltrim rtrim overlay row count "
    "grouping grouping_id exists columns unnest try any_value filter unpack array map struct list current_date "
    "current_time current_timestamp localtime localtimestamp case at interval date time timestamp timestamptz collate "
    "escape glob match like rank dense_rank row_number ntile lag lead first_value last_value nth_value percent_rank "
    "cume_dist fill"
)
_ALSO_SQLITE = (
    "json_each json_tree generate_series bm25 highlight snippet match timediff concat concat_ws string_agg"
)
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def is_outside(name: str, engine: Engine) -> bool:
    """Whether a function of this (lower-case) name reaches out of the database."""
    return bool(_OUTSIDE[engine].fullmatch(name))


@cache
def allowed_functions(engine: Engine) -> frozenset[str]:
    """Lower-case names of the functions that a query may call."""
    return _listed(engine)


@cache
def words_before_parentheses() -> frozenset[str]:
    """Keywords and types that a parenthesis may follow without a call."""
    return _listed("no_calls")


def _listed(name: str) -> frozenset[str]:
    text = resources.files("tools.sql").joinpath("functions", f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split("\n") if line and not line.startswith("#"))


def written(engine: Engine, names: set[str]) -> str:
    """The text of a list: a catalogue's names and the parsers' own, less what is denied."""
    also = set(f"{_SPECIAL} {_ALSO_SQLITE if engine == 'sqlite' else ''}".split())
    kept = {
        name
        for name in names | also
        if _NAME.fullmatch(name) and not _UNSTEADY.fullmatch(name) and not is_outside(name, engine)
    }
    return "".join(f"{line}\n" for line in (f"# {engine}: written by tools/sql/catalogue.py", *sorted(kept)))


def _catalogue(engine: Engine) -> set[str]:
    if engine == "sqlite":
        import sqlite3

        rows = sqlite3.connect(":memory:").execute("SELECT name FROM pragma_function_list").fetchall()
    else:
        import duckdb

        rows = (
            duckdb.connect()
            .execute("SELECT function_name FROM duckdb_functions() WHERE function_type <> 'pragma'")
            .fetchall()
        )
    return {str(row[0]).lower() for row in rows}


def main() -> None:
    folder = Path(__file__).parent / "functions"
    for engine in ("duckdb", "sqlite"):
        (folder / f"{engine}.txt").write_text(written(engine, _catalogue(engine)), encoding="utf-8")


if __name__ == "__main__":
    main()
