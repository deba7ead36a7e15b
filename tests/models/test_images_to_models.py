import base64
import hashlib

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_info import read_info
from judge_agent.seams.model import ChatMessage, Image

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n and so on"
LOOK = [
    ChatMessage("system", "You judge."),
    ChatMessage("user", "Look.", images=(Image.of(PNG, "image/png"),)),
]
LISTED = [
    ({}, None),
    ({"architecture": {"input_modalities": ["text", "image"]}}, True),
    ({"architecture": {"input_modalities": ["text"]}}, None),
    ({"capabilities": ["completion", "multimodal"]}, True),
    ({"capabilities": {"vision": True}}, True),
    ({"capabilities": {"vision": "yes"}, "input_modalities": 3}, None),
    ({"architecture": ["image"], "capabilities": "image"}, None),
]


async def test_a_picture_goes_as_data_to_a_model_that_takes_pictures():
    async with FakeServer() as server, OpenAIChatModel(server.base_url, images=True) as model:
        await model.complete(LOOK)
        system, user = server.requests[0]["messages"]
        assert system["content"] == "You judge."
        text, picture = user["content"]
        assert text == {"type": "text", "text": "Look."}
        kind, _, data = picture["image_url"]["url"].partition(",")
        assert (picture["type"], kind) == ("image_url", "data:image/png;base64")
        assert base64.b64decode(data) == PNG
        assert await model.count_tokens(LOOK) > 1000


async def test_a_model_that_does_not_say_so_is_shown_no_picture(embedded):
    async with FakeServer() as server:
        said, unsaid = OpenAIChatModel(server.base_url, images=False), OpenAIChatModel(server.base_url)
        for model in (said, unsaid, ScriptedModel(), embedded):
            for ask in (model.complete(LOOK), model.likelihood(LOOK, "x")):
                with pytest.raises(ModelError, match="images") as caught:
                    await ask
                assert caught.value.failure_kind == "tool_unavailable"
        assert not server.requests
        await said.aclose()
        await unsaid.aclose()


async def test_a_scripted_model_takes_pictures_where_it_is_told_so():
    model = ScriptedModel(images=True)
    await model.complete(LOOK)
    assert model.requests[0].messages[1].images[0].sha256 == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(("entry", "images"), LISTED)
def test_servers_that_list_what_a_model_reads_are_believed(entry, images):
    given = {"images": None, "tools": True, "reasoning": None}
    info = read_info(
        {"data": [{"id": "m", **entry}]},
        model=None,
        revision=None,
        context_window=None,
        base_url="u",
        abilities=given,
    )
    assert info.details.get("images") is images
    assert info.details["tools"] is True
    assert "reasoning" not in info.details


def test_only_pictures_that_models_take_are_pictures():
    for kind in ("image/svg+xml", "text/html", "image/png;base64,AAAA"):
        with pytest.raises(ValueError, match="media_type"):
            Image.of(PNG, kind)
