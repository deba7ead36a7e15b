"""A worker in a process of its own: `claiming_worker.py URL NAME COUNT` claims all there is, and prints it."""

from __future__ import annotations

import asyncio
import sys

from judge_agent.store.postgres import PostgresStore


async def main(url: str, worker: str, count: int) -> None:
    async with PostgresStore.opened(url) as store:
        while taken := await store.claim(worker, count, lease_seconds=60):
            for one in taken:
                print(one.lease.judgment_id, one.lease.token)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
