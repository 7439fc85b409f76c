"""Reading and cleaning of text: one spelling, what no report says, the sentences of an answer. Knows no facts."""
