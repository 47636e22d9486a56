"""Mail: real SMTP."""
