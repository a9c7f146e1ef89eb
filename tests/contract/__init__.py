"""Contract with the provider: its OpenAPI description, which is read from the path in ``EVENERGY_OPENAPI``.

``python -m tests.contract [description]`` prints which operations of a description the client covers.
"""
