"""Learns principles from preferences: proposed by a model, kept where held-out pairs bear them out, weighed by L1.

`pairs` reads preferences, `proposing` asks the model, `voting` judges pairs by every proposal, `selecting` keeps and
weighs (needs scikit-learn), `store` keeps versions. After inverse constitutional AI (arXiv 2406.06560) and its
principles from contrast, with a gate on pairs that no proposal was made from.
"""
