"""The state machine: nodes and edges, nothing else. `judge-agent graph` prints it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from judge_agent import nodes
from judge_agent.context import JudgeContext
from judge_agent.nodes.second_look import disputes
from judge_agent.state import State, Update

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Node = Callable[[State, Runtime[JudgeContext]], Awaitable[Update]]
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
        graph.add_node(name, _logged(name, node))
    graph.add_edge(START, "screen")
    graph.add_edge("screen", "propose")
    graph.add_edge("propose", "gather")
    graph.add_conditional_edges("gather", _needs_model, {"critique": "critique", "decide": "decide"})
    looks = ("compare", "refute", "second_look", "decide")
    graph.add_conditional_edges("critique", _after_critique, {name: name for name in looks})
    graph.add_conditional_edges("refute", _after_looks, {name: name for name in looks[2:]})
    graph.add_edge("compare", "decide")
    graph.add_edge("second_look", "decide")
    graph.add_edge("decide", END)
    return graph.compile(name="judge")


# Coroutines: LangGraph runs a plain function of an edge in a thread, at twice the cost of a node.
async def _needs_model(state: State, runtime: Runtime[JudgeContext]) -> str:
    return "critique" if runtime.context.recipe.models else "decide"


async def _after_critique(state: State, runtime: Runtime[JudgeContext]) -> str:
    recipe = runtime.context.recipe
    if recipe.comparing:
        return "compare"
    return "refute" if recipe.refute.of != "none" else await _after_looks(state, runtime)


async def _after_looks(state: State, runtime: Runtime[JudgeContext]) -> str:
    context = runtime.context
    is_wanted = context.recipe.second_look.when != "never" and disputes(context, state)
    return "second_look" if is_wanted else "decide"


def _logged(name: str, node: Node) -> Any:
    """Put what a node gave into the log, once it has."""

    async def run(state: State, runtime: Runtime[JudgeContext]) -> Update:
        calls = runtime.context.calls
        started = time.monotonic()
        update = await node(state, runtime)
        seconds = round(time.monotonic() - started, 4)
        counts = {key: len(value) for key, value in update.items() if isinstance(value, (list, dict))}
        calls.event("node.finished", name, {"gave": counts, "seconds": seconds, "usage": calls.spent})
        return update

    return run
