"""Planted bugs of the core. Each must die within a stated budget: that is what proves the proof harness.

    python -m tests.mutants [NAME ...] [--seed S]     the table: bug, technique, killed after, budget, by which law
    python -m tests.mutants --told                    what each bug is, and where it was seen

A bug is a small patch of one function of the real core (see `hunting.mutant`), in the file of its family: how answers
are `reading`, `keys`, `copies`, `writing`, `claiming`, `callbacks`, `endings`, `approving`, `people`,
`restored`, `auditing`.
"""
