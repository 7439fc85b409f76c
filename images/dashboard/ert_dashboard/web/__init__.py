"""Routes, pages and live events of the Flask app. No other subpackage imports it."""
