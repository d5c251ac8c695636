"""Moves instructions and knows no rail. Only `runtime`, `lanes` and `callbacks` touch asyncio, httpx or a clock."""
