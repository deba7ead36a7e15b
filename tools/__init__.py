"""What the judge can do: one tool per file, each given its box. Write the file, add the name."""

from tools.check_tool_calls import CheckToolCalls as CheckToolCalls

TOOLS: tuple[type, ...] = (CheckToolCalls,)
