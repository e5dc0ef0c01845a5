"""A worked example: the survey of a council that does not exist, from file to book."""
