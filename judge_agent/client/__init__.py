"""A thin client of the service, async and sync. Needs pydantic and httpx only; knows nothing of judging."""

from judge_agent.client.asynchronous import AsyncJudgeClient as AsyncJudgeClient
from judge_agent.client.exchange import JudgmentPage as JudgmentPage
from judge_agent.client.synchronous import JudgeClient as JudgeClient
