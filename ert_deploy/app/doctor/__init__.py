"""Doctor: what is wrong with a deployment, what ends it, and a bundle for whoever helps. It never rents or destroys."""
