"""What an ordinary penetration test tries, each without effect. What is not here is tried where it belongs:

- what a post may contain as HTML, what names look like on a page: tests/api/test_bad_input.py, test_pages.py
- CORS, frames, nosniff, the policy of pages: tests/api/test_cross_origin.py
- cookies from other origins, one answer and one hash for each sign-in, tokens kept as hashes: tests/api/test_session.py
- fields that are the server's, on every route (mass assignment), bodies that are huge, deep or endless, absurd ids,
  names and headers: tests/api/test_bad_input.py
- every route with every role: tests/api/test_roles.py; what is for members: test_visibility.py; rights that are lost
  meanwhile: test_lost_rights.py and tests/live/test_revocation.py
- others' Idempotency-Keys: tests/api/test_retries.py; cursors that are made up: test_paging.py
- codes that are guessed, used up, revoked or taken over: tests/api/test_invitations.py, test_password_reset.py
- websockets from another origin: tests/live/test_protocol.py; ones that flood or starve: test_slow_reader.py
- X-Forwarded-* of somebody who is not trusted, behind nginx and Caddy: tests/deploy/test_proxies.py
"""
