"""`python -m evals tau` on a set of the published form, small enough to be written here."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main

FLIGHT = {
    "flight_number": "HAT001",
    "origin": "JFK",
    "destination": "SEA",
    "dates": {
        "2024-05-20": {
            "status": "available",
            "available_seats": {"economy": 2, "business": 1},
            "prices": {"economy": 100, "business": 300},
        }
    },
}
RESERVATION = {
    "reservation_id": "ABC123",
    "user_id": "ann_1",
    "cabin": "economy",
    "flights": [{"flight_number": "HAT000", "date": "2024-05-19", "price": 80}],
    "passengers": [{"first_name": "Ann"}],
    "payment_history": [{"payment_id": "gift_card_1", "amount": 80}],
    "total_baggages": 1,
    "nonfree_baggages": 0,
}
USER = {
    "payment_methods": {
        "gift_card_1": {"source": "gift_card", "amount": 150, "id": "gift_card_1"},
        "certificate_1": {"source": "certificate", "amount": 100, "id": "certificate_1"},
    },
    "reservations": ["ABC123"],
}
BOOKING = {
    "user_id": "ann_1",
    "origin": "JFK",
    "destination": "SEA",
    "flight_type": "one_way",
    "cabin": "economy",
    "flights": [{"flight_number": "HAT001", "date": "2024-05-20"}],
    "passengers": [{"first_name": "Ann"}],
    "payment_methods": [
        {"payment_id": "certificate_1", "amount": 100},
        {"payment_id": "gift_card_1", "amount": 50},
    ],
    "total_baggages": 1,
    "nonfree_baggages": 1,
    "insurance": "no",
}
BOOKED = {
    **{key: value for key, value in BOOKING.items() if key != "payment_methods"},
    "reservation_id": "HATHAT",
    "payment_history": BOOKING["payment_methods"],
    "created_at": "2024-05-15T15:00:00",
    "flights": [
        {"flight_number": "HAT001", "date": "2024-05-20", "price": 100, "origin": "JFK", "destination": "SEA"}
    ],
}
CANCELLED = {
    **RESERVATION,
    "payment_history": [*RESERVATION["payment_history"], {"payment_id": "gift_card_1", "amount": -80}],  # type: ignore[misc]
    "status": "cancelled",
}
CANCEL = ("cancel_reservation", {"reservation_id": "ABC123"}, json.dumps(CANCELLED))
BOOK = ("book_reservation", BOOKING, json.dumps(BOOKED))
POOR = ("book_reservation", {**BOOKING, "nonfree_baggages": 3}, "Error: payment amount does not add up")
STOP = "Thanks! ###STOP###"


def row(name: int, reward: float, calls: list[Any], required: list[Any], **other: Any) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "policy"},
        {"role": "user", "content": "hi"},
    ]
    for index, (tool, arguments, result) in enumerate(calls):
        function = {"name": tool, "arguments": json.dumps(arguments)}
        messages.append(
            {"role": "assistant", "content": None, "tool_calls": [{"id": f"c{index}", "function": function}]}
        )
        messages.append({"role": "tool", "tool_call_id": f"c{index}", "name": tool, "content": result})
    messages.append({"role": "assistant", "content": other.get("says", "Done.")})
    messages.append({"role": "user", "content": other.get("stop", STOP)})
    actions = [{"name": tool, "kwargs": arguments} for tool, arguments, _ in required]
    info = {"task": {"actions": actions, "outputs": other.get("outputs", [])}}
    return {"task_id": name, "trial": 0, "reward": reward, "info": info, "traj": messages}


ROWS = [
    row(0, 1.0, [POOR, BOOK], [BOOK]),
    row(1, 0.0, [POOR], [BOOK]),
    row(2, 1.0, [CANCEL], [CANCEL], says="You get $80 back.", outputs=["80"]),
    row(3, 0.0, [CANCEL], [CANCEL], says="Done.", outputs=["80"]),
    row(4, 0.0, [CANCEL, BOOK], [CANCEL]),
    row(5, 0.0, [CANCEL], [CANCEL], stop="And what about my bags?"),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "airline_env").mkdir()
    tables = {
        "flights": {"HAT001": FLIGHT},
        "reservations": {"ABC123": RESERVATION},
        "users": {"ann_1": USER},
    }
    for name, table in tables.items():
        (tmp_path / "airline_env" / f"{name}.json").write_text(json.dumps(table))
    return tmp_path


@pytest.fixture(autouse=True)
def _stops_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_outcomes_are_decided_by_the_records_and_by_what_was_told(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mislabelled = row(7, 0.0, [CANCEL], [CANCEL], says="Reservation ABC123 has been cancelled.")
    (data / "gpt-4o-airline.json").write_text(json.dumps([*ROWS, mislabelled]))
    code = main(["tau", str(data), "--json"])
    out = capsys.readouterr().out
    told = json.loads(out.splitlines()[-1])
    assert (told["trajectories"], told["decided"], told["right"]) == (7, 6, 5), out
    assert (told["success_passed"], told["failure_failed"], told["failure_undecided"]) == (2, 3, 1)
    assert "stops before its end" in out
    assert (told["claims"], told["contradicted"]) == (2, 0)
    # A verdict that is not the reward's is a failure of the run.
    assert (code, told["wrong"]) == (1, 1)
    assert "wrong, 7/0" in out


def test_a_folder_without_the_set_is_told_in_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tau", str(data)]) == 2
    assert "gpt-4o-airline.json" in capsys.readouterr().err


def test_no_label_is_in_a_request() -> None:
    from evals.tau.episodes import Episode, request

    episode = Episode("0/0", 0.25, [{"role": "user", "content": "hi"}], [], ["80"])
    sent = json.dumps(request(episode, "0" * 64))
    assert "0.25" not in sent
    assert "reward" not in sent
