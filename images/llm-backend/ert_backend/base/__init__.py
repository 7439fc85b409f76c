"""What every room uses: clocks, logs, metrics, activity, files written whole. Imports no other room."""
