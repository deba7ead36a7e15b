"""The state machine: nodes and edges, nothing else. `judge-agent graph` prints it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from judge_agent import nodes
from judge_agent.context import JudgeContext
from judge_agent.nodes.second_look import disputes
from judge_agent.state import State, Update, updated

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Node = Callable[[State, Runtime[JudgeContext]], Awaitable[Update]]
Onward = Callable[[JudgeContext, State], str]
STAGES: tuple[tuple[str, Node], ...] = (
    ("screen", nodes.screen),
    ("propose", nodes.propose),
    ("gather", nodes.gather),
    ("critique", nodes.critique),
    ("compare", nodes.compare),
    ("refute", nodes.refute),
    ("second_look", nodes.second_look),
    ("decide", nodes.decide),
)


def build() -> CompiledStateGraph[State, JudgeContext, State, State]:
    """Compile the graph; without a checkpointer, since the journal is what makes a judgment durable."""
    graph: StateGraph[State, JudgeContext, State, State] = StateGraph(State, context_schema=JudgeContext)
    for name, node in STAGES:
        ways, goes_to = WAYS.get(name, (None, None))
        graph.add_node(name, _run(name, node, goes_to), destinations=ways)
    graph.add_edge(START, "screen")
    graph.add_edge("screen", "propose")
    graph.add_edge("propose", "gather")
    graph.add_edge("compare", "decide")
    graph.add_edge("second_look", "decide")
    graph.add_edge("decide", END)
    return graph.compile(name="judge")


def _after_gather(context: JudgeContext, state: State) -> str:
    return "critique" if context.recipe.models else "decide"


def _after_critique(context: JudgeContext, state: State) -> str:
    if context.recipe.comparing:
        return "compare"
    return "refute" if context.recipe.refute.of != "none" else _after_looks(context, state)


def _after_looks(context: JudgeContext, state: State) -> str:
    is_wanted = context.recipe.second_look.when != "never" and disputes(context, state)
    return "second_look" if is_wanted else "decide"


# Where there is more than one way on: the ways, and which one is taken with what the node gave. The node itself says
# so, by a `Command`: a conditional edge reads the whole state again, and costs about as much as a node.
WAYS: Mapping[str, tuple[tuple[str, ...], Onward]] = {
    "gather": (("critique", "decide"), _after_gather),
    "critique": (("compare", "refute", "second_look", "decide"), _after_critique),
    "refute": (("second_look", "decide"), _after_looks),
}


def _run(name: str, node: Node, goes_to: Onward | None) -> Any:
    """Run a node, put what it gave into the log, and go on."""

    async def run(state: State, runtime: Runtime[JudgeContext]) -> Update | Command[str]:
        context = runtime.context
        started = time.monotonic()
        update = await node(state, runtime)
        seconds = round(time.monotonic() - started, 4)
        counts = {key: len(value) for key, value in update.items() if isinstance(value, (list, dict))}
        context.calls.event(
            "node.finished", name, {"gave": counts, "seconds": seconds, "usage": context.calls.spent}
        )
        if goes_to is None:
            return update
        return Command(update=update, goto=goes_to(context, updated(state, update)))

    return run
