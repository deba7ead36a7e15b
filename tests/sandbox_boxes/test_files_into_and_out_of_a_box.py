"""Files that a program is given, and those that are collected at its end: nothing leads out of the work folder."""

import time
import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
LEFT = tomllib.loads(Path(__file__).with_name("artifacts.toml").read_text())
REFUSED = {
    "a_folder_above": ("../x", b""),
    "a_folder_above_in_between": ("a/../../x", b""),
    "an_absolute_name": ("/etc/x", b""),
    "an_empty_name": ("", b""),
    "the_folder_itself": (".", b""),
    "a_folder_named_twice": ("a//b", b""),
    "a_name_that_is_a_folder": ("a/", b""),
    "a_zero_byte": ("a\0b", b""),
    "a_name_that_is_too_long": ("x" * 300, b""),
    "a_path_that_is_too_long": ("/".join(["x" * 200] * 30), b""),
    "a_name_that_is_no_text": ("a\udc80\ud800", b""),
    "a_path_that_is_too_deep": ("/".join(["x"] * 3000), b""),
}


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_files_go_in_and_come_back(profile, sandbox):
    source = (
        "import pathlib\n"
        "text = pathlib.Path('in/put.txt').read_text()\n"
        "pathlib.Path('out').mkdir(); pathlib.Path('out/result.bin').write_bytes(text[::-1].encode())\n"
        "pathlib.Path('out/empty.bin').touch()\n"
        "pathlib.Path('other').write_text('not asked for')\n"
    )
    files = {"in/put.txt": b"drawer", "data": bytes(range(256)), "naïve ☃.txt": b"", "-rf": b"x"}
    program = Program(source, files=files, collect=["out/*", "data", "*.txt"], profile=profile)
    result = await sandbox.run(program, limits=Limits())
    assert result.status == "ok", result
    assert {one.name: one.content for one in result.artifacts} == {
        "data": bytes(range(256)),
        "in/put.txt": b"drawer",
        "naïve ☃.txt": b"",
        "out/empty.bin": b"",
        "out/result.bin": b"reward",
    }
    assert all(one.size == len(one.content) and not one.skipped for one in result.artifacts)


async def test_nothing_is_collected_that_nobody_asked_for(sandbox):
    assert (await sandbox.run(Program("open('x', 'w')"), limits=Limits())).artifacts == ()
    result = await sandbox.run(Program("open('x', 'w')", collect=["y*"]), limits=Limits())
    assert result.artifacts == ()


@pytest.mark.parametrize("name", REFUSED)
async def test_a_name_that_leads_elsewhere_is_refused_by_name(name, sandbox):
    bad, content = REFUSED[name]
    with pytest.raises(ValueError) as caught:
        await sandbox.run(Program("", files={bad: content}), limits=Limits())
    assert "name" in str(caught.value)
    assert ascii(bad)[1:9] in ascii(str(caught.value)).replace("\\\\", "\\") or not bad
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("pair", [("a", "a/b"), ("a/b/c", "a/b"), ("x/y", "x")])
async def test_a_file_beneath_a_file_is_refused_by_name(pair, sandbox):
    with pytest.raises(ValueError, match="name"):
        await sandbox.run(Program("", files=dict.fromkeys(pair, b"")), limits=Limits())


@pytest.mark.parametrize("name", LEFT)
async def test_what_a_program_leaves_is_collected_without_being_followed(name, surroundings, sandbox):
    case = LEFT[name]
    limits = Limits(**{"wall_seconds": 8, "artifact_bytes": 2**20, **case.get("limits", {})})
    for profile in case.get("profiles", ("strict", "subprocess")):
        started = time.monotonic()
        program = Program(
            surroundings.fill(case["source"]),
            files={"given": b"given"},
            collect=case.get("collect", ["*"]),
            profile=profile,
        )
        result = await sandbox.run(program, limits=limits)
        assert time.monotonic() - started < limits.wall_seconds + 3
        kept = {one.name: one.content for one in result.artifacts if one.content is not None}
        skipped = {one.name for one in result.artifacts if one.content is None}
        assert all(one.skipped for one in result.artifacts if one.content is None), result
        assert sum(map(len, kept.values())) <= limits.artifact_bytes
        assert len(kept) <= limits.artifacts
        assert len(result.artifacts) <= limits.artifacts + 1
        assert not any(b"host-secret" in content for content in kept.values())
        assert all(not one.startswith("/") and ".." not in one.split("/") for one in kept), kept
        for wanted, content in case.get("kept", {}).items():
            assert kept.get(wanted) == content.encode(), (profile, result)
        for wanted in case.get("skipped", []):
            assert wanted in skipped, (profile, result)
    assert surroundings.unharmed()


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_files_that_do_not_fit_into_the_work_folder_are_a_limit_of_the_program(profile, sandbox):
    large = Program("print('ran')", files={"large": bytes(2**22)}, profile=profile)
    result = await sandbox.run(large, limits=Limits(disk_bytes=2**20))
    assert (result.status, result.limit, result.stdout) == ("failed", "disk_bytes", b"")
    many = Program("print('ran')", files={f"f{n}": b"" for n in range(100)}, profile=profile)
    result = await sandbox.run(many, limits=Limits(files=50))
    assert (result.status, result.limit, result.stdout) == ("failed", "files", b"")


async def test_files_count_as_part_of_the_program(sandbox):
    result = await sandbox.run(
        Program("1", files={"large": bytes(2**20)}), limits=Limits(program_bytes=2**19)
    )
    assert (result.status, result.limit) == ("refused", "program_bytes")


async def test_files_are_collected_after_a_timeout_too(sandbox):
    program = Program("open('half', 'w').write('done')\nwhile True: pass", collect=["half"])
    result = await sandbox.run(program, limits=Limits(wall_seconds=0.4))
    assert (result.status, [one.name for one in result.artifacts]) == ("timeout", ["half"])


async def test_a_box_for_talking_gets_and_gives_files_too(sandbox):
    source = (
        "def main(channel):\n    open('said', 'wb').write(channel.receive() + open('given', 'rb').read())\n"
    )
    program = Program(source, files={"given": b" there"}, collect=["said"])
    async with sandbox.open(program, limits=Limits()) as box:
        await box.send(b"hello")
        with pytest.raises(Exception, match="ended"):
            await box.receive(timeout_seconds=5)
        result = await box.stop()
    assert [(one.name, one.content) for one in result.artifacts] == [("said", b"hello there")]
