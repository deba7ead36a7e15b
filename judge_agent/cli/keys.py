"""`judge-agent keys`: the API keys in the database; works beside a running service, which notices in seconds."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from judge_agent.cli import checkout, key_limits
from judge_agent.errors import InvalidRequest
from judge_agent.store import KeyLimits, Store
from judge_agent.store.opening import opened_store


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("keys", help="add, list, limit and revoke API keys")
    about = "folder of the database (JUDGE_DATA_DIR, .judge)"
    parser.add_argument("--data-dir", type=Path, help=about)
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=about)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[place], help="make a key for a tenant; it is shown once")
    add.add_argument(
        "tenant",
        help="whose key it is: a tenant's keys see the same judgments, blobs and runs, and no others",
    )
    add.add_argument(
        "--scope",
        choices=("all", "judge"),
        default="all",
        help="judge: it has rollouts judged and reads a judgment by its id, nothing else; may stand in a URL (all)",
    )
    key_limits.add_options(add)
    actions.add_parser("list", parents=[place], help="list the keys and their limits, without their secrets")
    limit = actions.add_parser(
        "limit", parents=[place], help="change what a key may use; a running service notices in seconds"
    )
    limit.add_argument("id", help="the key's id, as `list` shows it")
    key_limits.add_options(limit)
    revoke = actions.add_parser("revoke", parents=[place], help="make a key useless")
    revoke.add_argument("id", help="the key's id, as `list` shows it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Change or list the keys; returns 0. Raises JudgeError for an unknown id, or a database that is not there."""
    settings = checkout.load("api.settings", "keys").from_environment(data_dir=arguments.data_dir)
    if settings.database is None and not os.path.exists(settings.database_path):
        _check_is_new(arguments.action, settings.database_path)
    asyncio.run(_run(arguments, settings.database_path, settings.database))
    return 0


def _check_is_new(action: str, path: Path) -> None:
    """The first key may be made before the service starts; keys that are there already are not in a new database."""
    if action != "add":
        reason = f"there is no database {str(path)!r}; give the service's folder, also by --data-dir"
        raise InvalidRequest("JUDGE_DATA_DIR", reason)
    print(f"there is no database {str(path)!r} yet; it is made", file=sys.stderr)


async def _run(arguments: argparse.Namespace, path: Path, database_url: str | None) -> None:
    async with opened_store(path, database_url, exclusive=False) as store:
        if arguments.action == "add":
            await _add(store, arguments.tenant, arguments.scope, key_limits.chosen(arguments))
        elif arguments.action == "limit":
            await _limit(store, arguments)
        elif arguments.action == "list":
            await _list(store)
        elif not await store.revoke_key(arguments.id, time.time()):
            raise InvalidRequest("id", f"there is no key {arguments.id!r} that still works")
        else:
            print(f"revoked {arguments.id}")


async def _add(store: Store, tenant: str, scope: str, limits: KeyLimits) -> None:
    if not tenant or len(tenant) > 128 or not tenant.isprintable():
        raise InvalidRequest("tenant", f"{tenant[:40]!r} must be 1 to 128 printable characters")
    if tenant.startswith(":"):
        raise InvalidRequest(
            "tenant", f"{tenant[:40]!r} begins with a colon, as the service's own tenants do"
        )
    secret, row = checkout.load("api.auth", "keys").make_key(tenant, scope)
    if limits != KeyLimits():
        # Before the key: it never works without them.
        await store.quotas.set_limits(row.id, limits)
    await store.add_key(row)
    print(
        f"{secret}\nkey {row.id} of tenant {tenant!r}, scope {scope}, {key_limits.described(limits)}; "
        "it is kept as a hash and cannot be shown again"
    )


async def _limit(store: Store, arguments: argparse.Namespace) -> None:
    if arguments.id not in {key.id for key in await store.keys() if key.revoked is None}:
        raise InvalidRequest("id", f"there is no key {arguments.id!r} that still works")
    before = (await store.quotas.limits()).get(arguments.id, KeyLimits())
    limits = key_limits.chosen(arguments, before)
    if limits != before:
        await store.quotas.set_limits(arguments.id, limits)
    print(f"key {arguments.id}: {key_limits.described(limits)}")


async def _list(store: Store) -> None:
    limits, keys = await store.quotas.limits(), await store.keys()
    if not keys:
        print("there are no keys; `judge-agent keys add TENANT` makes one", file=sys.stderr)
    for key in keys:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.created))
        state = "works" if key.revoked is None else "revoked"
        own = key_limits.described(limits.get(key.id, KeyLimits()))
        print(f"{key.id}  {key.prefix}...  {key.tenant}  {key.scope}  {made}  {state}  {own}")
