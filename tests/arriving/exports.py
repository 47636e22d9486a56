"""Small exports of other systems, of the shape that theirs have: each has what is special in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

DISQUS = """<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<post dsq:id="101"><id /><message><![CDATA[<p>Is <b>this</b> right?</p><p>See <a href="https://e.example/a_b">it</a>
<a href="javascript:alert(1)">now</a> <img src="https://e.example/cat.png" alt="A cat"></p>]]></message>
<createdAt>2020-01-02T10:00:00Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam>
<author><name>Ada</name><email>Ada@mail.example</email><username>ada</username></author><thread dsq:id="1" /></post>
<thread dsq:id="1"><id>9</id><link>https://blog.example/first/index.html?utm_source=x</link><title>The first</title>
<isClosed>true</isClosed></thread>
<thread dsq:id="2"><id /><link>https://translate.google.com/translate?u=https%3A%2F%2Fblog.example%2Fsecond%2F</link>
<title /><isClosed>false</isClosed></thread>
<post dsq:id="102"><message><![CDATA[<pre><code class="language-python">if a:
    b()</code></pre>]]></message><createdAt>2020-01-02T11:00:00Z</createdAt><isDeleted>false</isDeleted>
<isSpam>false</isSpam><author><name>Ada</name><email>other@mail.example</email><isAnonymous>true</isAnonymous></author>
<thread dsq:id="1" /><parent dsq:id="103" /></post>
<post dsq:id="103"><message><![CDATA[<p>Gone</p>]]></message><createdAt>2020-01-02T10:30:00Z</createdAt>
<isDeleted>true</isDeleted><isSpam>false</isSpam><author><name>Bob</name></author><thread dsq:id="1" />
<parent dsq:id="101" /></post>
<post dsq:id="104"><message>buy</message><createdAt>2020-01-02T10:30:00Z</createdAt><isDeleted>false</isDeleted>
<isSpam>true</isSpam><author><name>Spam</name></author><thread dsq:id="1" /></post>
<post dsq:id="105"><message><![CDATA[<p>1 * 2 &lt; snake_case_</p>]]></message>
<createdAt>2020-01-03T10:30:00Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam>
<author><name>Cleo</name></author><thread dsq:id="2" /><parent dsq:id="99" /></post>
</disqus>"""

WORDPRESS = """<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<item><title>Hello</title><link>https://blog.example/?p=7</link><wp:status>publish</wp:status>
<wp:comment_status>open</wp:comment_status>
<wp:comment><wp:comment_id>1</wp:comment_id><wp:comment_author><![CDATA[Ada]]></wp:comment_author>
<wp:comment_author_email>ada@mail.example</wp:comment_author_email><wp:comment_date_gmt>2019-05-01 08:00:00
</wp:comment_date_gmt><wp:comment_content><![CDATA[One
two

three \x08]]></wp:comment_content><wp:comment_approved>1</wp:comment_approved><wp:comment_type></wp:comment_type>
<wp:comment_parent>2</wp:comment_parent><wp:comment_user_id>0</wp:comment_user_id></wp:comment>
<wp:comment><wp:comment_id>2</wp:comment_id><wp:comment_author><![CDATA[Ada]]></wp:comment_author>
<wp:comment_author_email>another@mail.example</wp:comment_author_email><wp:comment_date_gmt>2019-05-01 07:00:00
</wp:comment_date_gmt><wp:comment_content><![CDATA[In a circle]]></wp:comment_content>
<wp:comment_approved>1</wp:comment_approved><wp:comment_type>comment</wp:comment_type>
<wp:comment_parent>1</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>3</wp:comment_id><wp:comment_author><![CDATA[Bob]]></wp:comment_author>
<wp:comment_date_gmt>2019-05-02 07:00:00</wp:comment_date_gmt><wp:comment_content><![CDATA[Waits]]></wp:comment_content>
<wp:comment_approved>0</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>4</wp:comment_id><wp:comment_author>x</wp:comment_author>
<wp:comment_date_gmt>2019-05-02 07:00:00</wp:comment_date_gmt><wp:comment_content>ping</wp:comment_content>
<wp:comment_approved>1</wp:comment_approved><wp:comment_type>pingback</wp:comment_type></wp:comment>
<wp:comment><wp:comment_id>5</wp:comment_id><wp:comment_author>x</wp:comment_author>
<wp:comment_date_gmt>2019-05-02 07:00:00</wp:comment_date_gmt><wp:comment_content>spam</wp:comment_content>
<wp:comment_approved>spam</wp:comment_approved></wp:comment></item>
<item><title>Ours</title><link>https://blog.example/secret</link><wp:status>private</wp:status>
<wp:comment><wp:comment_id>6</wp:comment_id><wp:comment_author>x</wp:comment_author>
<wp:comment_date_gmt>2019-05-02 07:00:00</wp:comment_date_gmt><wp:comment_content>private</wp:comment_content>
<wp:comment_approved>1</wp:comment_approved></wp:comment></item></channel></rss>"""

ISSO_JSON = """[{"comments": [{"email": "", "remote_addr": "0.0.0.0", "website": "", "author": "Ada", "id": 0,
"created": "2018-03-04 05:06:07", "text": "From <i>JSON</i>"}], "id": "/json/", "title": "Some JSON"}]"""

ISSO_SCHEMA = """
CREATE TABLE threads (id INTEGER PRIMARY KEY, uri VARCHAR(256) UNIQUE, title VARCHAR(256));
CREATE TABLE comments (tid REFERENCES threads(id), id INTEGER PRIMARY KEY, parent INTEGER, created FLOAT NOT NULL,
    modified FLOAT, mode INTEGER, remote_addr VARCHAR, text VARCHAR NOT NULL, author VARCHAR, email VARCHAR,
    website VARCHAR, likes INTEGER DEFAULT 0, dislikes INTEGER DEFAULT 0, voters BLOB NOT NULL,
    notification INTEGER DEFAULT 0);
INSERT INTO threads VALUES (1, '/isso/', 'Isso');
INSERT INTO comments VALUES
    (1, 1, NULL, 1500000000.5, 1500000100, 1, '127.0.0.0', 'Some *Markdown*', 'Ada', 'ada@mail.example', NULL, 3, 1,
     x'', 0),
    (1, 2, 1, 1500000001, NULL, 2, '127.0.0.0', 'Waits', NULL, NULL, NULL, 0, 0, x'', 0),
    (1, 3, 1, 1500000002, NULL, 4, '127.0.0.0', '', NULL, NULL, NULL, 0, 0, x'', 0);
"""


def isso(path: Path) -> Path:
    """A database as Isso's."""
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(ISSO_SCHEMA)
    return path
