"""Function Compute 3.0: runs the functions of an ``s.yaml`` as FC's Python runtimes run them."""
