"""What is measured, in the order in which it is."""

from bench.contest import Work
from bench.works import classroom, growth, hosts, http, live, memory, starting

WORKS = (
    Work("list", "20 newest posts of a channel, again and again", http.run),
    Work("limited", "the same, asked for with ?limit=20", http.run),
    Work("post", "one post by its id, again and again", http.run),
    Work("channels", "20 newest posts of 5,000 channels in turn", http.run),
    Work("create", "create a post, on disk when answered, signed in", http.run),
    Work("mixed", "95 % lists and 5 % creates over 200 channels", http.run),
    Work("home", "the home page as HTML, signed out", http.run),
    Work("home-in", "the home page as HTML, signed in", http.run),
    Work("fanout", "1,000 websockets on one busy channel", live.fanout),
    Work("delivery", "from POST to every subscriber, 5 posts a second", live.delivery),
    Work("memory", "memory for each idle websocket", memory.run),
    Work("start", "from start to ready, on an existing database", starting.run),
    Work("growth", "1,000,000 posts beside 1,000, not from the cache", growth.run, full=True),
    Work("class", "300 pupils on a server with one CPU", classroom.run, full=True),
)
# With --engine: what is measured of one host on each, and of several hosts.
OF_ENGINES = (
    *(work for work in WORKS if work.run is http.run),
    Work("hosts-list", "20 newest posts of a channel, again and again, from several hosts", hosts.run),
    Work("hosts-create", "create a post, on several hosts at once", hosts.run),
    Work("hosts-delivery", "from a post on one host to 100 subscribers of another, 5 a second", hosts.delivery),
)
