"""The contract with the provider: its OpenAPI description, which is read from the path in ``EVENERGY_OPENAPI``.

``python -m tests.contract [description]`` says what of a description the client covers.
"""
