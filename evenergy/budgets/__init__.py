"""Budgets: ledgers of requests that processes share, so that all together stay within the rate limit."""
