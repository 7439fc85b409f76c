"""HTTP routes and their answers: reports, events, chat, admin. Only this room knows the routes."""
