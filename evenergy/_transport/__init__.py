"""Transport: how a request reaches the API and a response comes back."""
