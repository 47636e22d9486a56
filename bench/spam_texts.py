"""What spammers post, by kinds of campaigns, and what a class posts on its first day."""

import random
from collections.abc import Callable
from pathlib import Path

Make = Callable[[random.Random], str]

HARMLESS = (
    *("Nice!", "Good point.", "Thanks for sharing", "I agree with you", "Interesting, did not know that.", "Hello all"),
    *("Same here", "What a great page, I learned a lot from it.", "Has anybody tried the second one?", "Cool", "lol"),
    *("This helped me a lot, thank you very much!", "Could you explain the last part again?", "Greetings from Poland"),
)
OPENERS = (
    *("Hi everybody!", "Hello friends,", "Great post!", "I really like this article.", "Dear admin,", "Good day,"),
    *("You won't believe this.", "Hey there,", "I have to share this:", "My cousin told me about it.", ""),
)
NAMES = ("luna", "prime", "mega", "royal", "ultra", "star", "golden", "smart", "easy", "first", "alpha", "quick")
CASINO = (
    "Play at the best online casino with a {n}% welcome bonus and free spins: {url}",
    "I won {n} dollars at this slot last night, no deposit bonus for new players! {url}",
    "Sports betting tips with guaranteed returns every day, join now {url}",
    "Top online casinos of the year, bonus code {n}: {url}",
)
ESSAYS = (
    "Need help with homework? Our essay writing service has experts from {n} universities. {url}",
    "Write my essay for cheap, {n}% discount code for students: {url}",
    "Dissertation help and assignment help, delivered in {n} hours, visit our website {url}",
)
MONEY = (
    "I make {n} dollars per day from home with crypto signals, ask me how: {url}",
    "Invest in bitcoin with our recovery expert, he recovered my lost {n} dollars. WhatsApp: +1 415 555 {n}",
    "Quick loans from {n} to 50000 without credit check, apply here {url}",
    "Double your money in {n} days, guaranteed profit, contact telegram @{name}trade{n}",
)
FOLLOWERS = (
    "Buy followers and likes for Instagram, {n} for only $5 {url}",
    "Cheap SEO services and backlinks, rank your website on page one: {url}",
    "Guest post service with {n} sites, buy backlinks here {url}",
)
PILLS = (
    "V1agra and c1alis without prescription, best price {url}",
    "\u0421\u0430sino b\u043enus {n} f\u043er new pl\u0430yers {url}",
    "L o s e  w e i g h t fast with keto gummies {url}",
    "CHEAP REPLICA WATCHES AND DESIGNER BAGS, FREE SHIPPING {url}",
)
SAME = "Hello, I am Mr. Johnson from the bank of Lomé and I need your assistance to transfer eighteen million dollars."
SPUN = (
    ("Great", "Awesome", "Nice", "Cool"),
    ("article", "page", "post", "site"),
    ("I also wrote about this", "I have more on that", "Read my own story", "My blog has all the details"),
    ("on my blog", "at my place", "over here", "on our pages"),
)
DOMAINS = (".com", ".net", ".top", ".xyz", ".info", ".online", ".shop", ".click")
SITES = [f"{name}{more}" for name in NAMES for more in ("play", "win", "cash", "deal")]


def _url(rng: random.Random) -> str:
    sort = rng.random()
    if sort < 0.15:
        return f"https://bit.ly/{rng.randrange(10**6):x}"
    return f"https://{rng.choice(SITES)}{rng.choice(DOMAINS)}/{rng.randrange(1_000)}"


def _of(texts: tuple[str, ...]) -> Make:
    def make(rng: random.Random) -> str:
        said = rng.choice(texts).format(n=rng.randrange(100, 5_000), url=_url(rng), name=rng.choice(NAMES))
        return f"{rng.choice(OPENERS)} {said}".strip()

    return make


def _links(rng: random.Random) -> str:
    return "\n".join(f"[{rng.choice(NAMES)} {rng.choice(NAMES)}]({_url(rng)})" for _ in range(rng.randrange(4, 9)))


def _one_site(rng: random.Random) -> str:
    return f"{rng.choice(OPENERS)} {' '.join(rng.choice(words) for words in SPUN)}: https://luna-stories.com/{rng.randrange(99)}"


def _same(rng: random.Random) -> str:
    return SAME + rng.choice(("", "!", " Reply soon.", f" Ref {rng.randrange(10**4, 10**6)}"))


def _messenger(rng: random.Random) -> str:
    app = rng.choice(("WhatsApp +44 7700 900{n}", "Telegram @{name}_{n}", "t.me/{name}{n}"))
    contact = app.format(n=rng.randrange(100, 999), name=rng.choice(NAMES))
    offer = ("I can fix your grades", "Hire a hacker, no trace", "Real documents, fast", "Herbal cure for everything")
    return f"{rng.choice(OPENERS)} {rng.choice(offer)}. {contact}"


KINDS: tuple[tuple[str, Make], ...] = (
    ("casino", _of(CASINO)),
    ("essays", _of(ESSAYS)),
    ("money", _of(MONEY)),
    ("followers", _of(FOLLOWERS)),
    ("disguised", _of(PILLS)),
    ("link lists", _links),
    ("one site", _one_site),
    ("one text", _same),
    ("messenger", _messenger),
    ("patient", _of((*CASINO, *MONEY))),
)

# What thirty pupils say on a day, a post in each line: small talk, a lesson with links and code, an argument, homework.
CLASS = tuple(
    line.replace("\\n", "\n") for line in Path(__file__).with_name("spam_class.txt").read_text("utf-8").splitlines()
)
