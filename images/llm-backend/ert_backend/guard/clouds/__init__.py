"""GPU clouds as the guard knows them: how a machine of each stops, destroys and reads itself, and the HTTP for all."""
