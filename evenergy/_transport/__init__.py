"""The transport: requests, retries, tokens and the rate limit, between the resources and aiohttp."""
