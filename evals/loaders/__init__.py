"""Benchmarks in their own formats, one a file; labels stand apart from requests (`item.py`).

To add one: write its file with a `SUITE`, add it to `SUITES`, and a folder of it to the tests' `published.json`.
"""

from __future__ import annotations

from evals.loaders import (
    agent_reward_bench,
    bird,
    defog,
    evalplus,
    gsm8k,
    judgebench,
    llmbar,
    mr_ben,
    mt_bench,
    plan_rewardbench,
    ppe,
    prmbench,
    processbench,
    rewardbench,
    rewardbench2,
    rewardmath,
    rm_bench,
    rmb,
    rose_vec,
    spider,
    tara,
    tau_bench,
    webgen_bench,
    who_and_when,
)
from evals.loaders.item import Suite

SUITES: tuple[Suite, ...] = (
    evalplus.SUITE,
    defog.SUITE,
    bird.SUITE,
    spider.SUITE,
    gsm8k.SUITE,
    tau_bench.SUITE,
    tara.CODE_SUITE,
    tara.SUITE,
    rewardbench.SUITE,
    rewardbench2.SUITE,
    rm_bench.SUITE,
    judgebench.SUITE,
    llmbar.SUITE,
    ppe.SUITE,
    rmb.SUITE,
    mt_bench.SUITE,
    rewardmath.SUITE,
    processbench.SUITE,
    prmbench.SUITE,
    mr_ben.SUITE,
    plan_rewardbench.SUITE,
    agent_reward_bench.SUITE,
    who_and_when.SUITE,
    rose_vec.SUITE,
    webgen_bench.SUITE,
)
NAMES = tuple(suite.name for suite in SUITES)
