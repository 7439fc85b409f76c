"""Routes, pages and live events of the Flask app. Nothing else imports it."""
