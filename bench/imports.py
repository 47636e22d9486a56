"""What an import costs, and whoever writes meanwhile: comments of a made-up Disqus export, beside three workers.

python -m bench.imports [--comments 100000]      docs/importing.md has what it printed
"""

import argparse
import asyncio
import gzip
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bench.running import Server, environment

WORDS = "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which"
PAGES = 1_000
SECRET = "correct horse battery staple"  # of a database that is thrown away
FIRST = datetime(2015, 1, 1, tzinfo=UTC)


def export(path: Path, comments: int) -> None:
    """Writes a Disqus export: five in six comments answer another, and each has 40 words and a little markup."""
    rng, words = random.Random(17), WORDS.split()
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write('<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">\n')
        for page in range(PAGES):
            out.write(f'<thread dsq:id="{page}"><link>https://blog.example/{page}/</link>')
            out.write(f"<title>Page {page}</title></thread>\n")
        newest: dict[int, int] = {}
        for id_ in range(comments):
            page, said = rng.randrange(PAGES), " ".join(rng.choices(words, k=40))
            parent = f'<parent dsq:id="{newest[page]}"/>' if page in newest and rng.random() < 5 / 6 else ""
            created = (FIRST + timedelta(minutes=id_)).strftime("%Y-%m-%dT%H:%M:%SZ")
            text = f"<p>{said} <b>{id_}</b></p><p>See <a href='https://e.example/{id_}'>there</a>.</p>"
            name = f"Person {rng.randrange(comments // 10)}"
            out.write(f'<post dsq:id="{id_}"><message><![CDATA[{text}]]></message><createdAt>{created}</createdAt>')
            out.write(f"<isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>{name}</name></author>")
            out.write(f'<thread dsq:id="{page}"/>{parent}</post>\n')
            newest[page] = id_
        out.write("</disqus>\n")


async def somebody(instance: Path) -> str:
    """Makes a database with a group and somebody in it, whose token it returns."""
    from model.accounts import account, session, user
    from model.groups import group
    from model.settings import Settings
    from pottle.store import db

    await db.open(Settings(instance=instance))
    await user.create("ada", "Ada", SECRET, role="admin")
    token = (await account.sign_in("ada", SECRET, "127.0.0.1")).token
    rules = {"reading": "public", "posting": "users", "review": "none"}
    await group.create(await session.identify(token), {"slug": "blog", "name": "Blog", "origins": [], **rules})
    await db.close()
    return token


class Writing(threading.Thread):
    """Somebody who posts all the time; `waits` are how long each post took, in seconds."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.waits, self.refused, self.stopping = list[float](), 0, False
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)

    def run(self) -> None:
        """Until it is `stopping`."""
        made = self._client.post("/api/groups/blog/channels", json={"key": "room", "title": "Room"}).json()
        while not self.stopping:
            begun = time.perf_counter()
            answer = self._client.post(f"/api/channels/{made['id']}/posts", json={"body": "Hello there."})
            self.waits.append(time.perf_counter() - begun)
            self.refused += answer.status_code != 201
            time.sleep(0.01)


def main() -> None:
    """Prints one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comments", type=int, default=100_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (instance := home / "instance").mkdir()
        token = asyncio.run(somebody(instance))
        export(home / "all.xml.gz", wanted.comments)
        more = {"POTTLE_INSTANCE": str(instance), "POTTLE_RATE_LIMITS": "off"}
        gunicorn = [sys.executable, "-m", "gunicorn", "main:app", "--bind", "127.0.0.1:{port}"]
        root = Path(__file__).parents[1]
        with Server(gunicorn, home, "/healthz", cwd=root, **more) as server:
            writing = Writing(server.port, token)
            writing.start()
            command = ["-m", "quart", "--app", "main", "import-comments", str(home / "all.xml.gz"), "--group", "blog"]
            begun = time.perf_counter()
            ran = subprocess.Popen([sys.executable, *command], cwd=root, env=environment(home, **more))
            _, code, used = os.wait4(ran.pid, 0)
            took = time.perf_counter() - begun
            writing.stopping = True
            writing.join()
        waits, megabytes = sorted(writing.waits), used.ru_maxrss // 1024
        said = f"exit code {os.waitstatus_to_exitcode(code)}, {megabytes} MB at most"
        print(f"{wanted.comments} comments: {took:.0f} s in all, {said}")
        print(f"{len(waits)} posts meanwhile, {writing.refused} refused: half took {waits[len(waits) // 2]:.3f} s,")
        print(f"the slowest three {', '.join(f'{wait:.2f}' for wait in waits[:-4:-1])} s")


if __name__ == "__main__":
    main()
