"""Moves instructions and knows no rail.

Only the seams touch asyncio, httpx or a clock: `runtime`, `lanes` with `transport` and `tls`, `callbacks`, `listener`.
"""
