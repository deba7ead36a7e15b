"""The file of JUDGE_JURY: what is read of it, and what is refused with the place."""

from __future__ import annotations

import pytest

from api.jury import jury_models
from judge_agent.errors import InvalidRequest


def test_each_model_of_the_file_is_opened_under_its_name(tmp_path):
    path = tmp_path / "jury.toml"
    path.write_text(
        '[models.second]\nurl = "http://127.0.0.1:9/v1"\nname = "m"\ncontext_window = 4096\n', "utf-8"
    )
    assert list(jury_models(path, 4)) == ["second"]
    assert jury_models(None, 4) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[models.own]\nurl = "http://127.0.0.1:9/v1"\n', "is the service's own model"),
        ('[models.second]\nurl = "ftp://x"\n', "models.second.url"),
        (
            '[models.second]\nurl = "http://ada:secret@127.0.0.1:9/v1"\n',
            "models.second.url: holds a user name",
        ),
        ("[models.second]\nname = 'm'\n", "models.second.url"),
        ("[models\n", "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path, text, problem):
    path = tmp_path / "jury.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidRequest, match=problem):
        jury_models(path, 4)
