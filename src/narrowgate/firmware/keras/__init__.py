"""The network as a Keras 3 model of HGQ2's layers, on JAX."""
