"""What several tasks raise together: a judge's own error is told by itself, on every Python."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.errors import JudgeError, StoreError, told_alone

pytestmark = pytest.mark.anyio


async def _fails(error: Exception) -> None:
    raise error


async def _together(*errors: Exception) -> None:
    with told_alone():
        async with asyncio.TaskGroup() as outer, asyncio.TaskGroup() as inner:
            for at, error in enumerate(errors):
                (inner if at % 2 else outer).create_task(_fails(error))


async def test_the_first_of_the_judges_own_errors_is_told_whatever_failed_beside_it() -> None:
    told = StoreError("no row")
    with pytest.raises(StoreError) as caught:
        await _together(ValueError("beside it"), told)
    assert (caught.value, caught.value.__suppress_context__) == (told, True)


async def test_what_is_no_error_of_the_judge_stays_as_it_is() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _together(ValueError("a bug"))
    assert caught.value.subgroup(ValueError) is not None
    with pytest.raises(KeyError), told_alone():
        raise KeyError("a")


async def test_where_nothing_fails_nothing_is_raised() -> None:
    await _together()
    with pytest.raises(JudgeError, match="alone"), told_alone():
        raise JudgeError("alone")
