"""Refuses a request whose resources are not there, before it is accepted."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.errors import InvalidRequest
from judge_agent.schema import Resources
from judge_agent.seams.resources import ResourceFiles, ResourceMissing

MAX_DATABASE_BYTES = 64_000_000
MAX_STATE_BYTES = 16_000_000
MAX_CORPUS_BYTES = 64_000_000
MAX_SITE_BYTES = 8_000_000
MAX_IMAGE_FILE_BYTES = 20_000_000


async def check_resources(resources: Resources, files: ResourceFiles, tenant: str) -> None:
    """Raise InvalidRequest, naming the field, for a file that is missing, foreign or too large."""
    for index, database in enumerate(resources.databases):
        named = _Named(f"resources.databases.{index}", database.blob, database.root_name)
        await _check(named, "a database", MAX_DATABASE_BYTES, files, tenant)
    for index, corpus in enumerate(resources.corpora):
        named = _Named(f"resources.corpora.{index}", corpus.blob, corpus.root_name)
        await _check(named, "a corpus", MAX_CORPUS_BYTES, files, tenant)
    for index, image in enumerate(resources.images):
        named = _Named(f"resources.images.{index}", image.blob, image.root_name)
        await _check(named, "an image", MAX_IMAGE_FILE_BYTES, files, tenant)
    if (world := resources.environment) is not None:
        named = _Named("resources.environment", world.blob, world.root_name)
        await _check(named, "a state", MAX_STATE_BYTES, files, tenant)
    for index, site in enumerate(resources.pages):
        for form, given in (("files", site.files), ("recorded", site.recorded)):
            for number, file in enumerate(given or ()):
                where = f"resources.pages.{index}.{form}.{number}"
                named = _Named(where, file.blob, file.root_name)
                await _check(named, "a file of a site", MAX_SITE_BYTES, files, tenant)


class _Named(NamedTuple):
    """A file that a request names at a place, by hash or under the root; neither where it is inline."""

    where: str
    blob: str | None
    root_name: str | None


async def _check(named: _Named, what: str, limit: int, files: ResourceFiles, tenant: str) -> None:
    try:
        if named.blob is not None:
            field = f"{named.where}.blob"
            size = await files.blob_bytes(tenant, named.blob)
        elif named.root_name is not None:
            field = f"{named.where}.root_name"
            size = await files.root_bytes(named.root_name)
        else:
            return
    except ResourceMissing as error:
        raise InvalidRequest(field, str(error)) from error
    if size > limit:
        raise InvalidRequest(field, f"the file has {size} bytes; {what} may have {limit}")
