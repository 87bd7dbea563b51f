"""The experiments that pages start from."""
