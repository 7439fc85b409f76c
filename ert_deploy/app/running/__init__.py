"""Use of a running deployment: questions, connection data, logs by source, events. Imports no other command."""
