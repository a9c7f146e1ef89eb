"""The API: a file for each group of collections."""
