"""Access control: login, sessions, password hashing, and client addresses behind proxies."""
