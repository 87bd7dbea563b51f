"""A visitor's page: the scene at hand, what is computed behind it, and the components that show it."""
