"""How long a training step takes, here and in PyTorch, JAX and scikit-learn: `make bench`."""
