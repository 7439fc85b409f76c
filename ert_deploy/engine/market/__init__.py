"""Market access of the engine: what it reads again right before it rents. The order of offers is the core's."""
