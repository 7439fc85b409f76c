"""Who may use the dashboard: login, sessions, passwords, addresses of clients behind proxies."""
