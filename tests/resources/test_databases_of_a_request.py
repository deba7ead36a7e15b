"""Uploads and files under the root: who may name them, what is refused, and that they are judged with."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
BYTES = {"Content-Type": "application/octet-stream"}


def request(database: dict[str, Any], sql: str = "SELECT a FROM t") -> dict[str, Any]:
    return {
        "task": {"prompt": "List all.", "reference": {"sql": "SELECT a FROM t"}},
        "candidates": [{"id": "a", "trajectory": {"text": f"```sql\n{sql}\n```"}}],
        "resources": {"databases": [{"name": "d", "engine": "sqlite", **database}]},
        "recipe": "verify",
    }


async def judged(client: httpx.AsyncClient, database: dict[str, Any], sql: str = "SELECT a FROM t") -> Any:
    answer = await client.post("/v1/judgments", json=request(database, sql))
    assert answer.status_code == 200, answer.text
    return answer.json()["candidates"][0]


async def test_an_upload_is_content_addressed_and_judged_with(open_service, database: bytes) -> None:
    client = (await open_service())["one"]
    first = await client.post("/v1/blobs", content=database, headers=BYTES)
    again = await client.post("/v1/blobs", content=database, headers=BYTES)
    sha256 = hashlib.sha256(database).hexdigest()
    assert (first.status_code, first.json()) == (
        201,
        {"object": "blob", "sha256": sha256, "bytes": len(database)},
    )
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await judged(client, {"blob": sha256}))["reward"] == 1.0
    assert (await judged(client, {"blob": sha256}, "SELECT a FROM t WHERE a < 3"))["reward"] == 0.0


async def test_another_tenants_blob_is_missing(open_service, database: bytes) -> None:
    clients = await open_service()
    sha256 = (await clients["one"].post("/v1/blobs", content=database, headers=BYTES)).json()["sha256"]
    answer = await clients["two"].post("/v1/judgments", json=request({"blob": sha256}))
    other = await clients["two"].post("/v1/judgments", json=request({"blob": "0" * 64}))
    assert (answer.status_code, answer.json()["field"]) == (422, "resources.databases.0.blob")
    assert answer.json()["detail"].replace(sha256, "0" * 64) == other.json()["detail"]
    assert answer.json()["value"] == sha256


async def test_a_blob_is_looked_up_and_deleted_by_its_own_tenant_only(open_service, database: bytes) -> None:
    clients = await open_service()
    sha256 = (await clients["one"].post("/v1/blobs", content=database, headers=BYTES)).json()["sha256"]
    path = f"/v1/blobs/{sha256}"
    for method in ("GET", "DELETE"):
        assert (await clients["two"].request(method, path)).status_code == 404
        assert (await clients["one"].request(method, "/v1/blobs/..%2f..%2fjudge.db")).status_code == 404
    assert (await clients["one"].get(path)).json()["bytes"] == len(database)
    assert (await clients["one"].delete(path)).status_code == 204
    assert (await clients["one"].delete(path)).status_code == 404
    answer = await clients["one"].post("/v1/judgments", json=request({"blob": sha256}))
    assert answer.status_code == 422


async def test_an_upload_without_a_key_is_refused(open_service, database: bytes) -> None:
    client = (await open_service())["one"]
    answer = await client.post(
        "/v1/blobs", content=database, headers={**BYTES, "X-Api-Key": "wrong-key-of-nobody"}
    )
    assert answer.status_code == 401


async def test_an_upload_above_the_limit_leaves_nothing_behind(open_service, tmp_path: Path) -> None:
    client = (await open_service(max_blob_bytes=5000))["one"]
    for content in (b"x" * 5001, chunks(60, 100)):
        answer = await client.post("/v1/blobs", content=content, headers=BYTES)
        assert (answer.status_code, answer.json()["limit"]) == (413, 5000)
    kept = await client.post("/v1/blobs", content=b"x" * 5000, headers=BYTES)
    files = [path.name for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
    assert files == [kept.json()["sha256"]]


async def chunks(count: int, size: int):
    for _ in range(count):
        yield b"y" * size


async def test_a_tenant_may_keep_so_much_and_another_one_as_much(open_service) -> None:
    clients = await open_service(max_blob_bytes=1000, max_tenant_blob_bytes=1500)
    assert (await clients["one"].post("/v1/blobs", content=b"a" * 1000, headers=BYTES)).status_code == 201
    full = await clients["one"].post("/v1/blobs", content=b"b" * 1000, headers=BYTES)
    assert (full.status_code, full.json()["code"], full.json()["limit"]) == (413, "quota_exceeded", 1500)
    assert (await clients["one"].post("/v1/blobs", content=b"a" * 1000, headers=BYTES)).status_code == 201
    assert (await clients["two"].post("/v1/blobs", content=b"b" * 1000, headers=BYTES)).status_code == 201


async def test_uploads_that_end_at_one_time_share_the_room(open_service) -> None:
    client = (await open_service(max_blob_bytes=1000, max_tenant_blob_bytes=2500))["one"]
    contents = [bytes([number]) * 1000 for number in range(12)]
    answers = await asyncio.gather(
        *(client.post("/v1/blobs", content=content, headers=BYTES) for content in contents)
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [413] * 10


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"x", 415),
        ({**BYTES, "Content-Encoding": "gzip"}, b"x", 415),
        (BYTES, b"", 422),
    ],
)
async def test_an_upload_that_is_no_plain_bytes_is_refused(open_service, headers, content, status) -> None:
    client = (await open_service())["one"]
    answer = await client.post("/v1/blobs", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_blobs_are_private_files_and_a_changed_one_is_not_judged_with(
    open_service, database: bytes, tmp_path: Path
) -> None:
    client = (await open_service())["one"]
    sha256 = (await client.post("/v1/blobs", content=database, headers=BYTES)).json()["sha256"]
    (path,) = [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077) == (0, 0)
    path.write_bytes(database[:-1] + b"!")
    candidate = await judged(client, {"blob": sha256})
    assert (candidate["status"], candidate["reward"]) == ("unscored", None)


async def test_a_file_under_the_root_is_judged_with(open_service, root: Path) -> None:
    client = (await open_service(resources_root=root))["one"]
    for name in ("shop.sqlite", "deep/shop.sqlite"):
        assert (await judged(client, {"root_name": name}))["reward"] == 1.0


@pytest.mark.parametrize(
    "name",
    [
        "../secret.sqlite",
        "deep/../../secret.sqlite",
        "/etc/passwd",
        "..",
        ".",
        "deep//shop.sqlite",
        "a\\b",
        "a\u0000b",
        "link.sqlite",
        "inside.sqlite",
        "away/secret.sqlite",
        "deep",
        "missing.sqlite",
        "pipe",
        "x" * 600,
    ],
)
async def test_no_name_leads_out_of_the_root(open_service, root: Path, name: str) -> None:
    os.mkfifo(root / "pipe")
    client = (await open_service(resources_root=root))["one"]
    answer = await client.post("/v1/judgments", json=request({"root_name": name}))
    assert (answer.status_code, answer.json()["field"]) == (422, "resources.databases.0.root_name")
    assert str(root) not in answer.text


async def test_without_a_root_no_name_is_served(open_service) -> None:
    client = (await open_service())["one"]
    answer = await client.post("/v1/judgments", json=request({"root_name": "shop.sqlite"}))
    assert (answer.status_code, answer.json()["field"]) == (422, "resources.databases.0.root_name")
    assert "JUDGE_RESOURCES_ROOT" in answer.json()["detail"]


TABLE = {"columns": [{"name": "a", "type": "INTEGER"}], "rows": [[1]]}
WRONG = [
    ({"engine": "mysql", "sql": "x"}, "resources.databases.0.engine", "sqlite"),
    ({}, "resources.databases.0", "exactly one of"),
    ({"sql": "x", "root_name": "y"}, "resources.databases.0", "sql and root_name"),
    ({"blob": "not-a-hash"}, "resources.databases.0.blob", "pattern"),
    ({"sql": "x" * 2_000_001}, "resources.databases.0.sql", "2000000"),
    ({"url": "http://x"}, "resources.databases.0.url", "no such field"),
    ({"tables": {"t": {**TABLE, "rows": [[1, 2]]}}}, "resources.databases.0.tables.t.rows.0", "2 cells"),
    ({"tables": {"t": {**TABLE, "rows": [[[1]]]}}}, "resources.databases.0.tables.t.rows.0.0", ""),
    ({"tables": {"t": TABLE, "T": TABLE}}, "resources.databases.0.tables", "more than once"),
    ({"tables": {"t": {**TABLE, "rows": 5}}}, "resources.databases.0.tables.t.rows", "list of rows"),
    ({"tables": {"t": {**TABLE, "rows": [5]}}}, "resources.databases.0.tables.t.rows.0", "list of cells"),
    ({"tables": [TABLE]}, "resources.databases.0.tables", "object"),
    ({"tables": {str(index): TABLE for index in range(201)}}, "resources.databases.0.tables", "200"),
    (
        {"tables": {"t": {**TABLE, "rows": [[[]]] * 50_000}}},
        "resources.databases.0.tables.t.rows.0.0",
        "text",
    ),
    ({"tables": {"t": {**TABLE, "rows": [[1]] * 50_001}}}, "resources.databases.0.tables.t.rows", "50000"),
    (
        {"tables": {"t": {"columns": [{"name": "a", "type": "INT); DROP TABLE x"}]}}},
        "resources.databases.0.tables.t.columns.0.type",
        "pattern",
    ),
    ({"name": "a b", "sql": "x"}, "resources.databases.0.name", "pattern"),
]


@pytest.mark.parametrize(
    ("database", "field", "says"), WRONG, ids=[str(index) for index in range(len(WRONG))]
)
async def test_a_wrong_database_is_refused_by_name(open_service, database, field: str, says: str) -> None:
    client = (await open_service())["one"]
    answer = await client.post("/v1/judgments", json=request(database))
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (422, field), problem
    assert says in problem["detail"]


async def test_a_reference_query_needs_a_database(open_service) -> None:
    client = (await open_service())["one"]
    body = request({"sql": "CREATE TABLE t (a INTEGER)"})
    answer = await client.post("/v1/judgments", json={**body, "resources": {}})
    assert (answer.status_code, answer.json()["field"]) == (422, "task.reference.sql")
    twice = {"databases": body["resources"]["databases"] * 2}
    answer = await client.post("/v1/judgments", json={**body, "resources": twice})
    assert (answer.status_code, answer.json()["field"]) == (422, "resources.databases")
    many = {"databases": body["resources"]["databases"] * 2000}
    answer = await client.post("/v1/judgments", json={**body, "resources": many})
    assert (answer.status_code, answer.json()["limit"]) == (422, 8)


async def test_the_page_of_the_service_describes_databases_and_uploads(open_service) -> None:
    client = (await open_service())["one"]
    page = (await client.get("/openapi.json")).json()
    body = page["paths"]["/v1/blobs"]["post"]["requestBody"]["content"]
    assert list(body) == ["application/octet-stream"]
    assert "Database" in page["components"]["schemas"]
    tools = (await client.get("/v1/tools")).json()["data"]
    assert "query_sql" in [tool["name"] for tool in tools]
