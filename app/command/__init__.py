"""What the command line needs beyond a scene: the server, maps on several machines, benchmarks."""
