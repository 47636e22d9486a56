# The machine to start from: Debian with Python, and little else.
FROM python:3.13-slim

# Where the application lives. The commands below run here, and the server does.
WORKDIR /app

# First only the list of requirements: as long as it stays the same, Docker takes the next step from its cache.
COPY requirements.txt .

# The versions are pinned, so that what you tested is what you deploy. No cache: nobody installs here again.
RUN pip install --no-cache-dir -r requirements.txt

# Then the application itself, which changes most often. .dockerignore says what stays out: your data above all.
COPY . .

# All that must survive a restart is in one folder. Mount a folder or volume there, or it goes with the container.
# It is open to every user of the container (there is only one), so that you can choose any: docker run --user.
ENV POTTLE_INSTANCE=/instance
RUN mkdir -m 777 /instance

# At every address of the container, whatever gunicorn.conf.py says. How many processes share the work, it says (three);
# to change that, no new image is needed: docker run -e WEB_CONCURRENCY=5
ENV GUNICORN_CMD_ARGS="--bind=0.0.0.0:8080"

# Print at once, so that docker logs shows a message when it is written.
ENV PYTHONUNBUFFERED=1

# A note for people and programs: here the server listens. docker run -p 8087:8080 makes it reachable.
EXPOSE 8080

# Nobody in particular. Whoever breaks into the server cannot change the application: those files are root's.
USER 1000:1000

# Does it still answer? Asked from inside, where there is no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from http.client import HTTPConnection as To; to = To('127.0.0.1', 8080, timeout=4); to.request('GET', '/healthz'); raise SystemExit(to.getresponse().status != 200)"]

# Which version this is, for people and programs that look at the image.
LABEL org.opencontainers.image.title="Pottle" org.opencontainers.image.version="1.0.0"

# What the container is for. In brackets, so that gunicorn itself gets Docker's signal to stop, and not a shell.
CMD ["gunicorn", "main:app"]
