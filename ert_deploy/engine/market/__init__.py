"""Market: search of offers, the reasons why none matches, and the wait for one."""
