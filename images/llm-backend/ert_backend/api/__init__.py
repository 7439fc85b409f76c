"""HTTP API: routes and responses for reports, events, chat and admin. No other package knows the routes."""
