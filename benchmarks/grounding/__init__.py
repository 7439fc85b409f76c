"""How well the numbers check works: planted errors against what it catches, real texts against its false alarms."""
