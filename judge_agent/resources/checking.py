"""Refuses a request whose resources are not there, before it is accepted."""

from __future__ import annotations

from judge_agent.errors import InvalidRequest
from judge_agent.schema import Resources
from judge_agent.seams.resources import ResourceFiles, ResourceMissing

MAX_DATABASE_BYTES = 64_000_000


async def check_resources(resources: Resources, files: ResourceFiles, tenant: str) -> None:
    """Raise InvalidRequest, naming the field, for a file that is missing, foreign or too large."""
    for index, database in enumerate(resources.databases):
        where = f"resources.databases.{index}"
        try:
            if database.blob is not None:
                field = f"{where}.blob"
                size = await files.blob_bytes(tenant, database.blob)
            elif database.root_name is not None:
                field = f"{where}.root_name"
                size = await files.root_bytes(database.root_name)
            else:
                continue
        except ResourceMissing as error:
            raise InvalidRequest(field, str(error)) from error
        if size > MAX_DATABASE_BYTES:
            raise InvalidRequest(
                field, f"the file has {size} bytes; a database may have {MAX_DATABASE_BYTES}"
            )
