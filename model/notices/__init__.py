"""Notices: what is told to whom beside the page, by mail and push: replies, mentions, decisions, and what waits."""
