"""`python -m judge_agent.cli` is `judge-agent`."""

from judge_agent.cli import entry

entry()
