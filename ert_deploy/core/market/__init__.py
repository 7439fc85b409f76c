"""Market model: what an offer is expected to take and to cost, from public figures and from past launches."""
