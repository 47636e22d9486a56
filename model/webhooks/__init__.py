"""Webhooks: what happens in a group is told to other servers, by the Standard Webhooks specification 1.0.0."""
