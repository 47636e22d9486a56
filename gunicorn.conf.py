"""How gunicorn runs Pottle in production. `gunicorn main:app` reads this file by its name.

Command-line flags win over GUNICORN_CMD_ARGS, which wins over what is written here.
"""

import os

# Where it listens. 0.0.0.0 is every network of this machine: keeping others out is for the firewall or proxy.
bind = "0.0.0.0:8080"

# A worker is a process with an event loop of its own. Requests wait for the network and not for each other, so
# a few are plenty; three keep two or three processors busy and survive the loss of one.
workers = int(os.environ.get("WEB_CONCURRENCY", "3"))

# gunicorn looks after the processes. Inside each, uvicorn speaks HTTP and WebSocket, with our limits.
worker_class = "pottle.server.worker.Worker"

# Its own lines in the same format as the workers' (POTTLE_LOG).
logger_class = "pottle.server.arbiter.Log"

# A worker that has not moved for so many seconds is replaced: something blocks its event loop.
timeout = 30

# A connection with nothing to say is closed after so many seconds. That is longer than a proxy's usual minute:
# else the proxy would now and then send a request into a connection that we are just closing.
keepalive = 75

# After SIGTERM, requests under way have so many seconds to finish. Docker kills ten seconds after it asked.
graceful_timeout = 9

# Each worker opens the database for itself: threads and SQLite connections do not survive a fork.
preload_app = False

# A worker shows that it lives by touching a file. On a busy disk that can take long enough to be taken for
# dead; memory is always quick, and writable when all else is read-only.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

# The control socket has one path per user: of two servers, the second takes it and the first deletes it.
control_socket_disable = True

# Whose X-Forwarded-For counts is for the application to say (POTTLE_TRUSTED_PROXIES). By default it is nobody's,
# not even this machine's: anyone can write that header.
forwarded_allow_ips = ""


def on_starting(server):  # type: ignore[no-untyped-def]  # gunicorn has no types
    """The workers' numbers, for /metrics, meet in a folder in memory (or the temporary one)."""
    from pottle.server import arbiter  # gunicorn reads this file before it has found the folder

    try:
        arbiter.make_metrics(server.cfg.uid, server.cfg.gid)
    except OSError as error:
        server.log.warning("/metrics will show one worker only: %s", error)


def child_exit(server, worker):  # type: ignore[no-untyped-def]
    """A worker's websockets and memory have gone with it."""
    from pottle.server import arbiter

    arbiter.forget_worker(worker.pid)


def on_exit(server):  # type: ignore[no-untyped-def]
    """Nothing is left behind."""
    from pottle.server import arbiter

    arbiter.remove_metrics()


def on_reload(server):  # type: ignore[no-untyped-def]  # gunicorn has no types
    """SIGHUP replaces the workers. The old ones serve until the new ones do: pottle/server/worker.py says how.

    For that long, `graceful_timeout` at most, both write to the same database: for code with a migration that does more
    than add, stop and start instead (docs/deploy.md, A new version).
    """
    from pottle.server.worker import Server  # gunicorn reads this file before it has found the folder

    Server.generations.replace(server.worker_age, server.num_workers)
