"""Resources of the API: a file a group, with its models, enumerations and resource classes."""
