"""Who may do what: every route and method of the application, asked for by every role. A route without a row fails.

Nothing here changes anything: each write is done and undone, so that everybody finds the same. All come from another
machine, for this one may see more (/metrics).
"""

import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image
from quart import Quart

import main
from api.access import cookie_name, sessions
from model.accounts import user
from model.settings import Settings
from pottle.store import Tx, db
from tests.api.conftest import Json, bearer, posted, signed, signed_in_again
from tests.conftest import PASSWORD, Person, World
from tests.pushed import Browser

SITE = "https://class.example"
ELSEWHERE = "192.0.2.1"  # nobody's address (RFC 5737)

# `nobody` is not signed in; Charlie is an outsider, Bob a member and Alice a moderator of `class`, whose posts are for
# members; Root is an admin; `token` is a named token of Bob's, `site` a session of Alice's for a site of `class`, from
# there. `ended` are three who had rights: a session that was signed out, a deleted token, and the session and the token
# of an admin whose account was disabled.
# {ours} is the channel of `class`, {theirs} a post of Alice's there, {his} one of Bob's,
# which Alice's {reply} answers; {post} is Bob's in the lobby.
ROLES = ["nobody", "charlie", "bob", "alice", "root", "token", "site", "ended"]
TABLE = """
                                                          nobody charlie bob alice root token site ended
Pages
GET    /                                                   200    200    303  303  200  303    303   200
GET    /channels/1                                         200    200    200  200  200  200    200   200
GET    /channels/{ours}                                    404    404    200  200  200  200    200   401
GET    /channels/1/thread                                  200    200    200  200  200  200    200   200
GET    /channels/{ours}/thread                             404    404    200  200  200  200    200   401
GET    /posts/{post}                                       200    200    200  200  200  200    200   200
GET    /posts/{theirs}                                     404    404    200  200  200  200    200   401
GET    /app.webmanifest                                    200    200    200  200  200  200    200   200
GET    /worker.js                                          200    200    200  200  200  200    200   200
GET    /offline                                            200    200    200  200  200  200    200   200
GET    /unsubscribe/unknown                                404    404    404  404  404  404    404   401
POST   /unsubscribe/unknown                                404    404    404  404  404  404    404   401
GET    /join                                               200    200    200  200  200  200    200   200
GET    /account/forgotten                                  404    404    404  404  404  404    404   401
POST   /account/forgotten                                  404    404    404  404  404  404    404   401
GET    /admin/mail                                         401    404    404  404  200  404    404   401
GET    /admin/mail/letter?kind=test&theme=dark             401    404    404  404  200  404    404   401
POST   /admin/mail                                         401    404    404  404  409  404    404   401
POST   /api/mail/bounces                                   422    422    422  422  422  422    422   401
GET    /account/address?token=x                            200    200    200  200  200  200    200   200
POST   /account/address?token=x                            401    404    404  404  404  404    403   401
GET    /account/with/nobody                                404    404    404  404  404  404    404   404
GET    /account/with/nobody/back                           401    401    401  401  401  401    401   401
GET    /discussions                                        200    200    200  200  200  200    200   200
GET    /groups/home                                        200    200    200  200  200  200    200   200
GET    /groups/class                                       404    404    200  200  200  200    200   401
GET    /groups/home/manage                                 401    404    404  404  200  404    404   401
GET    /groups/class/manage                                401    404    404  200  200  404    200   401
GET    /groups/class/manage/rules                          401    404    404  200  200  404    200   401
GET    /groups/class/queue                                 401    404    404  200  200  404    200   401
GET    /queue                                              401    404    404  200  200  404    200   401
GET    /old/home/                                          404    404    404  404  404  404    404   401
GET    /old/home/none                                      404    404    404  404  404  404    404   401
GET    /groups/home/room                                   401    404    404  404  200  404    403   401
GET    /groups/class/room                                  401    404    404  200  200  404    403   401
GET    /groups/class/room.csv                              401    404    404  200  200  404    403   401
GET    /groups/home/thread?key=/                           200    200    200  200  200  200    200   200
GET    /groups/class/thread?key=/                          404    404    200  200  200  200    200   401
GET    /channels/1/feed.atom                               200    200    200  200  200  200    200   200
GET    /posts/{post}/feed.atom                             200    200    200  200  200  200    200   200
GET    /posts/{theirs}/feed.atom                           404    404    404  404  404  404    404   401
GET    /groups/home/feed.json                              200    200    200  200  200  200    200   200
GET    /groups/class/feed.json                             404    404    404  404  404  404    404   401
GET    /feeds/unknown/feed.json                            404    404    404  404  404  404    404   401
GET    /groups/home/recent                                 200    200    200  200  200  200    200   200
GET    /groups/class/recent                                404    404    200  200  200  200    200   401
GET    /groups/home/search                                 200    200    200  200  200  200    200   200
GET    /groups/class/search                                404    404    200  200  200  200    200   401
GET    /search?q=hello                                     200    200    200  200  200  200    200   200
GET    /embed.js                                           200    200    200  200  200  200    200   200
GET    /embed/anotherrelease/part.js                       404    404    404  404  404  404    404   404
GET    /sign-in                                            403    403    403  403  403  403    403   403
GET    /sign-in?group=class&origin=https://class.example   200    200    200  200  200  200    200   200
GET    /inbox                                              401    200    200  200  200  200    200   401
GET    /account                                            401    200    200  200  200  200    200   401
GET    /account/access                                     401    200    200  200  200  200    200   401
GET    /account/messages                                   401    200    200  200  200  200    200   401
GET    /account/data                                       401    200    200  200  200  200    200   401
GET    /admin/groups                                       401    404    404  404  200  404    404   401
GET    /account/sign-in                                    200    200     200  200    200  200    200   200
GET    /account/sign-up                                    200    200     200  200    200  200    200   200
POST   /account/sign-in          uid=bob&password={horse}  303    303     303  303    303  303    403   401
POST   /account/sign-up uid=bob&name=B&password={horse}     409    409     409  409    409  409    403   401
POST   /account/sign-in/second   ticket=x&code=1           401    401     401  401    401  401    403   401
GET    /account/confirm                                    401    200     200  200    200  403    403   401
POST   /account/confirm          password={horse}          401    303     303  303    303  403    403   401
GET    /account/second                                     401    303     303  303    303  403    403   401
POST   /account/second                                     401    303     303  303    303  403    403   401
POST   /account/second/on        code=123456               401    303     303  303    303  403    403   401
POST   /account/second/codes                               401    409     409  409    409  403    403   401
POST   /account/second/off                                 401    303     303  303    303  403    403   401
POST   /account/sign-out                                   303    303     303  303    303  303    303   303
POST   /account/export           password={horse}          401    200     200  200    200  403    403   401
POST   /account/language         language=de               401    303     303  303    303  303    403   401
POST   /account/delete           password={horse}          401    303     303  303    409  403    403   401
GET    /channels/1/write                                   200    200     200  200    200  200    200   200
GET    /channels/{ours}/write                              404    404     200  200    200  200    200   401
POST   /channels/1/write         body=Hello                401    303     303  303    303  303    403   401
POST   /channels/{ours}/write    body=Hello                404    404     303  303    303  303    303   401
GET    /posts/{post}/act                                   200    200     200  200    200  200    200   200
GET    /posts/{theirs}/act                                 404    404     200  200    200  200    200   401
POST   /posts/{theirs}/reply     body=Hello                404    404     303  303    303  303    303   401
POST   /posts/{theirs}/react     add=up                    404    404     303  303    303  303    303   401
POST   /posts/{post}/edit        body=New&version=1        401    403     303  403    403  303    403   401
POST   /posts/{post}/delete      version=1                 401    403     303  403    303  303    403   401
GET    /admin                                              401    404    404  404  200  404    404   401
GET    /docs                                               200    200    200  200  200  200    200   200
GET    /openapi.json                                       200    200    200  200  200  200    200   200
GET    /favicon.ico                                        200    200    200  200  200  200    200   200
GET    /static/style.css                                   200    200    200  200  200  200    200   200
GET    /static/~0/style.css                                200    200    200  200  200  200    200   200
GET    /static/~0/texts/de.js                                 200    200    200  200  200  200    200   200
GET    /healthz                                            200    200    200  200  200  200    200   200
GET    /readyz                                             200    200    200  200  200  200    200   200
GET    /metrics                                            403    403    403  403  200  403    403   403

Accounts
GET    /api/users                                          401    403    403  403  200  403    403   401
POST   /api/users                {new}                     201    201    201  201  201  201    201   401
GET    /api/users/bob                                      200    200    200  200  200  200    200   200
PATCH  /api/users/bob            {"role": "admin"}         401    403    403  403  200  403    403   401
PATCH  /api/users/bob            {"disabled": true}        401    403    403  403  200  403    403   401
DELETE /api/users/bob                                      401    403    403  403  204  403    403   401
GET    /api/users/alice/avatar                             200    200    200  200  200  200    200   200
POST   /api/users/bob/invitations                          401    403    403  403  201  403    403   401
POST   /api/session              {alice}                   201    201    201  201  201  201    201   401
DELETE /api/session                                        401    204    204  204  204  204    204   401
POST   /api/session/confirm      {password}                401    204    204  204  204  403    403   401
GET    /api/session/confirm                                401    200    200  200  200  403    403   401
POST   /api/session/second   {"ticket": "x", "code": "1"}  401    401    401  401  401  401    401   401
POST   /api/session/passkey/options                        200    200    200  200  200  200    200   401
POST   /api/session/passkey      {"credential": {}}        422    422    422  422  422  422    422   401
POST   /api/session/confirm/options                        401    200    200  200  200  403    403   401
POST   /api/passkeys/options {"uid": "x1", "name": "X"} 200  200    200  200  200  200    200   401
POST   /api/passkeys {"uid": "x1", "name": "X", "credential": {}} 422 422 422 422 422 422 422   401
POST   /api/password/passkey/options {"code": "AAAAAAAA"}  404    404    404  404  404  404    404   401
PUT /api/password/passkey {"code": "AAAAAAAA", "credential": {"id": "A", "response":{}}} 404 404 404 404 404 404 404 401
DELETE /api/users/bob/second                               401    403    403  403  409  403    403   401
PUT    /api/password             {reset}                   201    201    201  201  201  201    201   401

One's own account
GET    /api/me                                             401    200    200  200  200  200    200   401
PATCH  /api/me                   {"name": "New"}           401    200    200  200  200  200    403   401
DELETE /api/me                   {password}                401    204    204  204  409  403    403   401
POST   /api/me/export            {password}                401    200    200  200  200  403    403   401
PUT    /api/me/avatar            {image}                   401    200    200  200  200  200    403   401
GET    /api/me/avatar                                      401    404    404  200  404  404    200   401
DELETE /api/me/avatar                                      401    404    404  204  404  404    403   401
GET    /api/me/address                                     401    200    200  200  200  200    403   401
POST   /api/me/address                                     401    409    409  409  409  409    403   401
GET    /api/me/claims                                      401    200    200  200  200  200    403   401
GET    /api/me/sessions                                    401    200    200  200  200  403    403   401
DELETE /api/me/sessions                                    401    204    204  204  204  403    403   401
GET    /api/me/passkeys                                    401    200    200  200  200  403    403   401
POST   /api/me/passkeys/options                            401    200    200  200  200  403    403   401
POST   /api/me/passkeys          {"credential": {}}        401    422    422  422  422  403    403   401
PATCH  /api/me/passkeys/999999   {"name": "New"}           401    404    404  404  404  403    403   401
DELETE /api/me/passkeys/999999                             401    404    404  404  404  403    403   401
DELETE /api/me/password                                    401    409    409  409  409  403    403   401
GET    /api/me/second                                      401    200    200  200  200  403    403   401
POST   /api/me/second                                      401    201    201  201  201  403    403   401
PUT    /api/me/second            {"code": "123456"}        401    409    409  409  409  403    403   401
POST   /api/me/second/codes                                401    409    409  409  409  403    403   401
DELETE /api/me/second                                      401    204    204  204  204  403    403   401
DELETE /api/me/sessions/999999                             401    404    404  404  404  403    403   401
PUT    /api/me/feed                                        401    200    200  200  200  403    403   401
DELETE /api/me/feed                                        401    404    404  404  404  403    403   401
GET    /api/me/push                                        401    200    200  200  200  403    403   401
POST   /api/me/push              {push}                    401    201    201  201  201  403    403   401
POST   /api/me/push/test                                   401    404    404  404  404  403    403   401
DELETE /api/me/push                                        401    404    404  404  404  403    403   401
GET    /api/providers                                      200    200    200  200  200  200    200   200
POST   /api/providers/nobody   {"invitation": "K7QD-29XM"} 422    422    422  422  422  422    403   401
GET    /api/me/providers                                   401    200    200  200  200  403    403   401
POST   /api/providers/nobody/link                          401    404    404  404  404  403    403   401
DELETE /api/me/providers/999999                            401    404    404  404  404  403    403   401
GET    /api/me/tokens                                      401    200    200  200  200  200    403   401
POST   /api/me/tokens            {"name": "bell"}          401    201    201  201  201  403    403   401
DELETE /api/me/tokens/{token}                              401    404    204  404  404  204    403   401
GET    /api/me/posts                                       401    200    200  200  200  200    200   401
GET    /api/me/reactions?channel=1                         401    200    200  200  200  200    200   401
GET    /api/me/reactions?channel={ours}                    401    404    200  200  200  200    200   401
GET    /decisions/9                                        401    404    404  404  404  404    404   401
GET    /api/me/decisions                                   401    200    200  200  200  200    200   401
GET    /api/me/decisions/9                                 401    404    404  404  404  404    404   401
PUT    /api/me/decisions/9/appeal {"text": "x"}            401    404    404  404  404  404    404   401
GET    /api/appeals                                        401    200    200  200  200  200    200   401
GET    /api/appeals?group=class                            401    404    403  200  200  403    200   401
PATCH  /api/appeals/9            {"state": "granted"}      401    404    404  404  404  404    404   401
GET    /api/me/unread                                      401    200    200  200  200  200    200   401
DELETE /api/me/unread                                      401    204    204  204  204  204    204   401
GET    /api/me/inbox                                       401    200    200  200  200  200    200   401
GET    /api/me/notices                                     401    200    200  200  200  200    200   401
PUT    /api/me/notices/read      {}                        401    204    204  204  204  204    204   401
GET    /api/me/notices/settings                            401    200    200  200  200  200    403   401
PUT    /api/me/notices/settings  {"zone": null}            401    200    200  200  200  200    403   401
GET    /api/me/notices/zones                               401    200    200  200  200  200    200   401
PUT    /api/me/notices/groups/home {}                      401    200    200  200  200  200    403   401
PUT    /api/me/notices/groups/class {"muted": false}       401    404    200  200  200  200    403   401
POST   /api/me/invitations       {code}                    401    201    201  201  201  201    403   401

Groups
GET    /api/groups                                         200    200    200  200  200  200    200   200
GET    /api/channels                                       200    200    200  200  200  200    200   200
GET    /api/sidebar                                        200    200    200  200  200  200    200   200
POST   /api/groups               {group}                   401    403    403  403  201  403    403   401
GET    /api/groups/home                                    200    200    200  200  200  200    200   200
GET    /api/groups/class                                   404    404    200  200  200  200    200   401
PATCH  /api/groups/home          {"name": "New"}           401    403    403  403  200  403    403   401
PATCH  /api/groups/class         {"name": "New"}           401    404    403  200  200  403    403   401
DELETE /api/groups/home                                    401    403    403  403  204  403    403   401
DELETE /api/groups/class                                   401    403    403  403  204  403    403   401
GET    /api/groups/home/members                            401    403    403  403  200  403    403   401
GET    /api/groups/class/members                           401    404    403  200  200  403    403   401
POST   /api/groups/home/members  {"uid": "charlie"}        401    403    403  403  201  403    403   401
POST   /api/groups/class/members {"uid": "charlie"}        401    404    403  201  201  403    403   401
DELETE /api/groups/class/members/bob                       401    404    403  204  204  403    403   401
GET    /api/groups/home/export                             401    403    403  403  200  403    403   401
GET    /api/groups/class/statements?since=2026-01-01&until=2026-12-31 401    404    403  200  200  403    403   401
GET    /api/groups/class/export?format=wxr                 401    404    403  200  200  403    403   401
GET    /api/groups/home/claims                             401    403    403  403  200  403    403   401
GET    /api/groups/class/claims                            401    404    403  200  200  403    403   401
PATCH  /api/groups/class/claims/9 {"state": "approved"}    401    404    403  404  404  403    403   401
GET    /groups/home/history/bob                            401    404    404  404  200  404    403   401
GET    /groups/class/history/bob                           401    404    404  200  200  404    403   401
GET    /api/groups/class/history/bob                       401    404    403  200  200  403    403   401
GET    /api/groups/class/history/charlie                   401    404    403  404  404  403    403   401
GET    /api/groups/class/history/bob/clearing              401    404    403  200  200  403    403   401
POST   /api/groups/class/history/bob/clearing {"days": 1}  401    404    403  200  200  403    403   401
GET    /api/groups/home/notes?uid=bob                      401    403    403  403  200  403    403   401
GET    /api/groups/class/notes?uid=bob                     401    404    403  200  200  403    403   401
POST   /api/groups/class/notes   {"uid": "bob", "text": "x"} 401    404    403  201  201  403    403   401
POST   /api/groups/class/notes   {"post": {post}, "text": "x"} 401    404    403  404  404  403    403   401
DELETE /api/groups/class/notes/9                           401    404    403  404  404  403    403   401
GET    /api/groups/home/people                             401    403    403  403  200  403    403   401
GET    /api/groups/class/people?q=a                        401    404    200  200  200  200    403   401
GET    /api/groups/home/audit                              401    403    403  403  200  403    403   401
GET    /api/groups/class/audit                             401    404    403  200  200  403    403   401
GET    /api/imports                                        401    403    403  403  200  403    403   401
GET    /api/imports/9                                      401    403    403  403  404  403    403   401
POST   /api/imports?group=none&name=x                      401    403    403  403  404  403    403   401
PATCH  /api/imports/9            {"state": "cancelled"}    401    403    403  403  404  403    403   401
GET    /api/server                                         401    403    403  403  200  403    403   401
GET    /api/audit                                          401    403    403  403  200  403    403   401
GET    /api/groups/home/room                               401    403    403  403  200  403    403   401
GET    /api/groups/class/room                              401    404    403  200  200  403    403   401
GET    /api/groups/home/posts                              401    403    403  403  200  403    403   401
GET    /api/groups/class/posts                             401    404    403  200  200  403    200   401

Codes
GET    /api/groups/home/invitations                        401    403    403  403  200  403    403   401
GET    /api/groups/class/invitations                       401    404    403  200  200  403    403   401
POST   /api/groups/home/invitations  {}                    401    403    403  403  201  403    403   401
POST   /api/groups/class/invitations {}                    401    404    403  201  201  403    403   401
DELETE /api/groups/home/invitations/{invitation}           401    403    403  403  404  403    403   401
DELETE /api/groups/class/invitations/{invitation}          401    404    403  204  204  403    403   401
GET    /api/groups/home/invitations/mails                  401    403    403  403  200  403    403   401
GET    /api/groups/class/invitations/mails                 401    404    403  200  200  403    403   401
POST   /api/groups/home/invitations/mails {"addresses": ["a@b.example"]} 401 403 403 403 409 403 403 401
POST   /api/groups/class/invitations/mails {"addresses": ["a@b.example"]} 401 404 403 409 409 403 403 401
DELETE /api/groups/home/invitations/mails/999999           401    403    403  403  404  403    403   401
DELETE /api/groups/class/invitations/mails/999999          401    404    403  404  404  403    403   401
POST   /api/password/forgotten   {"who": "bob"}            404    404    404  404  404  404    404   401
POST   /api/groups/home/roster   {"names": ["Ann"]}        401    403    403  403  201  403    403   401
POST   /api/groups/class/roster  {"names": ["Ann"]}        401    404    403  201  201  403    403   401
POST   /api/groups/home/roster/eve                         401    403    403  403  404  403    403   401
POST   /api/groups/class/roster/eve                        401    404    403  201  201  403    403   401
POST   /api/groups/class/roster/bob                        401    404    403  404  404  403    403   401
POST   /api/invitations/look-up  {code}                    200    200    200  200  200  200    200   401

Sites
POST   /api/groups/class/sso     {sso}                     201    201    201  201  201  201    201   401
POST   /api/groups/class/sessions {site}                   401    201    201  201  201  403    403   401
POST   /api/groups/home/sessions {site}                    401    403    403  403  403  403    403   401
GET    /api/groups/home/secrets                            401    403    403  403  200  403    403   401
GET    /api/groups/class/secrets                           401    404    403  200  200  403    403   401
POST   /api/groups/home/secrets                            401    403    403  403  201  403    403   401
POST   /api/groups/class/secrets                           401    404    403  201  201  403    403   401
DELETE /api/groups/home/secrets/{secret}                   401    403    403  403  404  403    403   401
DELETE /api/groups/class/secrets/{secret}                  401    404    403  204  204  403    403   401

Webhooks
GET    /api/groups/home/webhooks                           401    403    403  403  200  403    403   401
GET    /api/groups/class/webhooks                          401    404    403  200  200  403    403   401
POST   /api/groups/home/webhooks {hooks}                   401    403    403  403  201  403    403   401
POST   /api/groups/class/webhooks {hooks}                  401    404    403  201  201  403    403   401
GET    /api/webhooks                                       401    403    403  403  200  403    403   401
POST   /api/webhooks             {hooks}                   401    403    403  403  201  403    403   401
PATCH  /api/webhooks/{hook}      {"active": true}          401    404    404  200  200  403    403   401
POST   /api/webhooks/{hook}/secret                         401    404    404  200  200  403    403   401
POST   /api/webhooks/{hook}/test                           401    404    404  200  200  403    403   401
POST   /api/webhooks/{hook}/again {}                       401    404    404  200  200  403    403   401
GET    /api/webhooks/{hook}/deliveries                     401    404    404  200  200  403    403   401
DELETE /api/webhooks/{hook}                                401    404    404  204  204  403    403   401

Reports and blocks
POST   /api/posts/{theirs}/reports {"reason": "spam"}      401    404    201  409  201  201    409   401
GET    /api/posts/{theirs}/reports                         401    404    403  200  200  403    200   401
GET    /api/me/reports                                     401    200    200  200  200  200    200   401
GET    /api/groups/home/blocks                             401    403    403  403  200  403    403   401
GET    /api/groups/class/blocks                            401    404    403  200  200  403    403   401
POST   /api/groups/home/blocks   {block}                   401    403    403  403  201  403    403   401
POST   /api/groups/class/blocks  {block}                   401    404    403  201  201  403    403   401
DELETE /api/groups/class/blocks/9                          401    404    403  404  404  403    403   401
GET    /api/groups/home/rules                              401    403    403  403  200  403    403   401
GET    /api/groups/class/rules                             401    404    403  200  200  403    403   401
PATCH  /api/groups/home/rules    {"slow": 1}               401    403    403  403  200  403    403   401
PATCH  /api/groups/class/rules   {"slow": 1}               401    404    403  200  200  403    403   401
POST   /api/groups/class/rules/try {"body": "Hello"}       401    404    403  200  200  403    403   401
PUT    /api/groups/class/trust/bob {"level": "watched"}    401    404    403  200  200  403    403   401
DELETE /api/groups/class/trust/bob                         401    404    403  204  204  403    403   401
GET    /api/challenge                                      200    200    200  200  200  200    200   200
GET    /api/blocks                                         401    403    403  403  200  403    403   401
POST   /api/blocks               {block}                   401    403    403  403  201  403    403   401
DELETE /api/blocks/9                                       401    403    403  403  404  403    403   401

Discussions
GET    /api/groups/home/channels                           200    200    200  200  200  200    200   200
GET    /api/groups/class/channels                          404    404    200  200  200  200    200   401
POST   /api/groups/home/channels  {"key": "new"}           401    201    201  201  201  201    403   401
POST   /api/groups/class/channels {"key": "new"}           404    404    201  201  201  201    201   401
GET    /api/counts?group=home&key=lobby                    200    200    200  200  200  200    200   200
GET    /api/counts?group=class&key=room                    404    404    200  200  200  200    200   401
GET    /api/groups/home/channels?state=pending             401    403    403  403  200  403    403   401
GET    /api/groups/class/channels?state=pending            404    404    403  200  200  403    200   401
GET    /api/channels/1                                     200    200    200  200  200  200    200   200
GET    /api/channels/{ours}                                404    404    200  200  200  200    200   401
PATCH  /api/channels/1           {"locked": true}          401    403    403  403  200  403    403   401
PATCH  /api/channels/{ours}      {"locked": true}          401    404    403  200  200  403    200   401
PATCH  /api/channels/{ours}      {"pinned": true}          401    404    403  200  200  403    200   401
PATCH  /api/channels/{ours}      {"state": "published"}    401    404    403  200  200  403    200   401
DELETE /api/channels/1                                     401    403    403  403  204  403    403   401
DELETE /api/channels/{ours}                                401    404    403  204  204  403    403   401
GET    /api/channels/1/posts                               200    200    200  200  200  200    200   200
GET    /api/channels/{ours}/posts                          404    404    200  200  200  200    200   401
GET    /api/channels/1/posts?only=pinned                   200    200    200  200  200  200    200   200
GET    /api/channels/{ours}/posts?only=unanswered          404    404    200  200  200  200    200   401
GET    /api/channels/1/posts?only=mine                     401    200    200  200  200  200    200   401
GET    /api/groups/home/questions                          200    200    200  200  200  200    200   200
GET    /api/groups/class/questions                         404    404    200  200  200  200    200   401
GET    /api/channels/{ours}/posts?state=pending            404    404    403  200  200  403    200   401
POST   /api/channels/1/posts     {"body": "Hello"}         401    201    201  201  201  201    403   401
POST   /api/channels/{ours}/posts {"body": "Hello"}        404    404    201  201  201  201    201   401
POST   /api/channels/1/posts/bulk {"posts": [{"body": "x"}]} 401  200    200  200  200  200    403   401
POST   /api/channels/{ours}/posts/bulk {"posts": [{"body": "x"}]} 404 404 200 200  200  200    200   401
GET    /api/live                                           426    426    426  426  426  426    426   426
WS     /api/live                 {"channel": 1}            200    200    200  200  200  200    200   401
WS     /api/live                 {"channel": {ours}}       404    404    200  200  200  200    200   401
POST   /api/live                 {"frames": []}            200    200    200  200  200  200    200   401
GET    /api/streams/channel:1                              200    200    200  200  200  200    200   200
GET    /api/streams/channel:{ours}                         404    404    200  200  200  200    200   401
GET    /api/channels/1/unread                              401    200    200  200  200  200    200   401
GET    /api/channels/{ours}/unread                         401    404    200  200  200  200    200   401
GET    /api/channels/1/notices                             401    200    200  200  200  200    200   401
GET    /api/channels/{ours}/notices                        401    404    200  200  200  200    200   401
PUT    /api/channels/1/notices   {"how": "usual"}          401    200    200  200  200  200    403   401
PUT    /api/channels/{ours}/notices {"how": "usual"}       401    404    200  200  200  200    200   401
PUT    /api/channels/1/read      {"until": {post}}         401    200    200  200  200  200    403   401
PUT    /api/channels/{ours}/read {"posts": [{his}]}        401    404    200  200  200  200    200   401

Posts
POST   /api/preview              {"channel": 1, "body": "x"} 401   200    200  200  200  200    403   401
POST   /api/preview              {"channel": {ours}, "body": "x"} 404 404 200 200 200 200   200   401
POST   /api/images?channel=1     {image}                   401    403    403  403  403  403    403   401
POST   /api/images?channel={ours} {image}                  401    404    403  403  403  403    403   401
GET    /api/images/unknown                                 404    404    404  404  404  404    404   401
DELETE /api/images/unknown                                 401    404    404  404  404  404    404   401
GET    /api/posts/{post}                                   200    200    200  200  200  200    200   200
GET    /api/posts/{theirs}                                 404    404    200  200  200  200    200   401
PATCH  /api/posts/{post}         {"body": "New"}           401    403    200  403  403  200    403   401
PATCH  /api/posts/{post}         {"state": "removed"}      401    403    403  403  200  403    403   401
PATCH  /api/posts/{his}          {"body": "New"}           401    404    200  403  403  200    403   401
PATCH  /api/posts/{his}          {"state": "removed"}      401    404    403  200  200  403    200   401
PATCH  /api/posts/{theirs}       {"body": "New"}           401    404    403  200  403  403    200   401
PATCH  /api/posts/{post}         {"pinned": true}          401    403    403  403  200  403    403   401
PATCH  /api/posts/{his}          {"endorsed": true}        401    404    403  200  200  403    200   401
PATCH  /api/posts/{reply}        {"answer": true}          401    404    200  200  200  200    200   401
GET    /api/posts/{post}/author                            401    403    403  403  200  403    403   401
GET    /api/posts/{his}/author                             401    404    403  200  200  403    200   401
DELETE /api/posts/{post}                                   401    403    204  403  204  204    403   401
DELETE /api/posts/{his}                                    401    404    204  204  204  204    204   401
DELETE /api/posts/{theirs}                                 401    404    403  204  204  403    204   401
GET    /api/search?q=x                                     200    200    200  200  200  200    200   200
GET    /api/queue                                          401    200    200  200  200  200    200   401
GET    /api/queue?group=class                              401    404    403  200  200  403    200   401
GET    /api/queue/channels                                 401    200    200  200  200  200    200   401
GET    /api/queue/channels?group=class                     401    404    403  200  200  403    200   401
GET    /api/queue/counts                                   401    200    200  200  200  200    200   401
POST   /api/decisions            {removes}                 401    200    200  200  200  200    200   401
POST   /api/decisions/undo       {undoes}                  401    200    200  200  200  200    200   401
GET    /api/posts/{his}/edit                               401    404    200  200  200  200    200   401
PATCH  /api/posts/{his}/edit     {"state": "removed"}      401    404    403  200  200  403    200   401
DELETE /api/posts/{his}/edit                               401    404    204  403  403  204    403   401
PUT    /api/posts/{post}/claim                             401    404    404  404  404  404    403   401
PUT    /api/posts/{theirs}/claim                           401    404    404  404  404  404    404   401
PUT    /api/posts/{post}/reactions/up                      401    200    200  200  200  200    403   401
DELETE /api/posts/{post}/reactions/up                      401    200    200  200  200  200    403   401
PUT    /api/posts/{theirs}/reactions/up                    401    404    200  200  200  200    200   401
DELETE /api/posts/{theirs}/reactions/up                    401    404    200  200  200  200    200   401
"""


@dataclass(frozen=True)
class Row:
    """One request, and what each role is to be answered."""

    method: str
    path: str
    body: str
    statuses: dict[str, int]

    def __str__(self) -> str:
        return " ".join((self.method, self.path, self.body)).strip()


def row(line: str) -> Row:
    """A line of the table."""
    request, *statuses = line.rsplit(None, len(ROLES))
    method, path, body = [*request.split(None, 2), ""][:3]
    return Row(method, path, body, dict(zip(ROLES, map(int, statuses), strict=True)))


ENTERING = ("/account/sign-in", "/account/sign-in/second", "/account/sign-up", "/api/providers/nobody")
ROWS = [row(line) for line in TABLE.splitlines() if re.search(r" \d{3}$", line)]

Ask = Callable[[Row, str], Awaitable[int]]


class Undone(Exception):
    """Has a unit rolled back that would have been committed, and carries its answer."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer


@pytest.fixture
def settings(instance: Path) -> Settings:
    """A thousand requests in a row."""
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
async def names(
    root: Person, alice: Person, bob: Person, credentials: dict[str, list[str]], world: World
) -> dict[str, str]:
    """What the placeholders of the table stand for."""
    ours = world.class_channel
    posts = {
        "post": await posted(bob),
        "his": await posted(bob, channel=ours),
        "theirs": await posted(alice, channel=ours),
    }
    posts["reply"] = await posted(alice, channel=ours, parent=posts["his"]["id"])
    for review in ("all", "none"):
        await alice.patch("/api/groups/class", {"review": review})
        if review == "all":
            assert (await bob.patch(f"/api/posts/{posts['his']['id']}", {"body": "Waits"})).status_code == 202
    made = (await alice.post("/api/groups/class/invitations", {})).json()
    secret = (await alice.post("/api/groups/class/secrets")).json()
    hook = (await alice.post("/api/groups/class/webhooks", {"url": "https://127.0.0.1:1/"})).json()
    reset = (await root.post("/api/users/alice/invitations")).json()["code"]
    (token,) = (await bob.get("/api/me/tokens")).json()["tokens"]
    image = io.BytesIO()
    Image.new("RGB", (9, 9)).save(image, "PNG")
    assert (await alice.put("/api/me/avatar", content=image.getvalue())).status_code == 200
    bodies = {
        "new": {"uid": "newcomer", "name": "New", "password": PASSWORD},
        "alice": {"uid": "alice", "password": PASSWORD},
        "reset": {"code": reset, "password": "another horse"},
        "password": {"password": PASSWORD},
        "group": {"slug": "new", "name": "New"},
        "code": {"code": made["code"]},
        "removes": {"decisions": [{"post": posts["his"]["id"], "version": 1}], "state": "removed"},
        "undoes": {"decisions": [999]},
        "site": {"origin": SITE},
        "push": Browser("https://127.0.0.1:1/").subscription(),
        "block": {"network": "203.0.113.7", "why": "Spam."},
        "hooks": {"url": "https://127.0.0.1:1/"},
        "sso": {"token": signed(secret["secret"])},
    }
    return {
        **{name: str(post["id"]) for name, post in posts.items()},
        **{name: json.dumps(body) for name, body in bodies.items()},
        "ours": str(ours),
        "invitation": str(made["id"]),
        "token": str(token["id"]),
        "secret": str(secret["id"]),
        "hook": str(hook["id"]),
        "at the site": credentials["site"][0],
        "horse": quote(PASSWORD),
        "image": image.getvalue().decode("latin-1"),
    }


@pytest.fixture
async def credentials(root: Person, alice: Person, bob: Person, anyone: Person, world: World) -> dict[str, list[str]]:
    """The tokens of each role; of `ended` there are several."""
    assert (await alice.patch("/api/groups/class", {"origins": [SITE]})).status_code == 200
    site = (await alice.post("/api/groups/class/sessions", {"origin": SITE})).json()["token"]
    spoilt = [await signed_in_again(anyone, "alice", PASSWORD)]
    await anyone.delete("/api/session", headers=bearer(spoilt[0]))
    bell, gone = [(await bob.post("/api/me/tokens", {"name": name})).json() for name in ("bell", "gone")]
    await bob.delete(f"/api/me/tokens/{gone['id']}")
    await user.create("ada", "Ada", PASSWORD, role="admin")
    session = await signed_in_again(anyone, "ada", PASSWORD)
    named = await anyone.post("/api/me/tokens", {"name": "bell"}, headers=bearer(session))
    assert (await root.patch("/api/users/ada", {"disabled": True})).status_code == 200
    assert (await alice.post("/api/groups/class/roster", {"names": ["Eve"]})).status_code == 201
    known = {uid: [world.tokens[uid]] for uid in ("charlie", "bob", "alice", "root")}
    return {
        **known,
        "nobody": [""],
        "token": [bell["token"]],
        "site": [site],
        "ended": [*spoilt, gone["token"], session, named.json()["token"]],
    }


def undone(unit: Callable[..., object]) -> Callable[..., object]:
    """A unit that does its work and then takes it back."""

    def wrapped(tx: Tx, *args: object, **kwargs: object) -> object:
        answer = unit(tx, *args, **kwargs)
        tx.finish_unit()
        raise Undone(answer)

    return wrapped


@pytest.fixture
def nothing_lasts(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on every write is done and undone."""
    write = db.write

    async def written(unit: Callable[..., object], *args: object, **kwargs: object) -> object:
        try:
            await write(undone(unit), *args, **kwargs)
        except Undone as done:
            return done.answer
        raise AssertionError

    monkeypatch.setattr(db, "write", written)


@pytest.fixture
async def ask(app: Quart, names: dict[str, str], nothing_lasts: None) -> AsyncIterator[Ask]:
    """`await ask(row, token)`: the status of the answer."""
    transport = httpx.ASGITransport(app=app, client=(ELSEWHERE, 1234))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as client:

        def filled(text: str) -> str:
            return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], text)

        async def asked(row: Row, token: str, by_cookie: bool = False) -> int:
            body = filled(row.body)
            origin = {"Origin": SITE} if token == names["at the site"] else {}
            if row.method == "WS":
                return await subscribed(app, json.loads(body)["channel"], token, origin)
            of_form = "{" not in row.body[:1] and row.method == "POST" and not row.path.startswith("/api/")
            kind = "image/png" if row.body == "{image}" else "application/json"
            headers = {"Content-Type": "application/x-www-form-urlencoded" if of_form else kind}
            headers |= {"Accept": "text/html,*/*"} if not row.path.startswith("/api/") else {}
            headers |= origin
            if token:
                headers |= {"Cookie": f"{cookie_name()}={token}"} if by_cookie else bearer(token)
            content = body.encode("latin-1") if body else None
            answer = await client.request(row.method, filled(row.path), content=content, headers=headers)
            client.cookies.clear()
            return answer.status_code

        yield asked


async def subscribed(app: Quart, channel: int, token: str, headers: dict[str, str]) -> int:
    """What a subscription is answered, as a status."""
    async with app.test_client().websocket("/api/live", headers=headers) as socket:
        assert json.loads(await socket.receive())["type"] == "hello"
        asked: list[Json] = [{"type": "auth", "token": token}] if token else []
        for frame in (*asked, {"type": "subscribe", "channel": channel}):
            await socket.send_json(frame)
            answer = json.loads(await socket.receive())
            if answer["type"] == "error":
                return {"unauthenticated": 401, "not-found": 404}[answer["code"]]
    return 200


def route(app: Quart, row: Row) -> tuple[str, str]:
    """The method and the rule that a row is about."""
    if row.method == "WS":
        return "WS", row.path
    path = re.sub(r"\{\w+\}", "1", row.path).partition("?")[0]
    found, _ = app.url_map.bind("pottle.test").match(path, row.method, return_rule=True)
    return row.method, found.rule


@pytest.mark.check
def test_every_route_has_a_row() -> None:
    app = main.create_app(Settings(instance=Path("/nowhere")))
    routes = {
        ("WS" if rule.websocket else method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    rows = {route(app, row) for row in ROWS}
    missing = [f"{method:6} {rule}" for method, rule in sorted(routes - rows)]
    assert not missing, f"Write into TABLE, with the status that each role gets ({', '.join(ROLES)}): {missing}"
    assert rows == routes, "TABLE has a route that is gone"


async def test_it_works(ask: Ask, credentials: dict[str, list[str]], nothing_changes: Any) -> None:
    """Each role is answered as its column says, whether by the token of a session or by one with a name."""
    wrong = []
    with nothing_changes():
        for row in ROWS:
            for role, tokens in credentials.items():
                got = {await ask(row, token) for token in tokens}
                if got != {row.statuses[role]}:
                    wrong.append(f"{row}: {role} got {got}, not {row.statuses[role]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
async def test_a_cookie_is_worth_the_same(ask: Any, credentials: dict[str, list[str]], nothing_changes: Any) -> None:
    """On our own pages; and one that has ended makes its bearer nobody."""
    wrong = []
    with nothing_changes():
        for row in ROWS:
            for role, tokens in credentials.items():
                from_there = role == "site" and row.path in ENTERING  # a form that another site sends enters nobody
                as_ = "nobody" if role in ("ended", "site") and not from_there else role
                got = {await ask(row, token, by_cookie=True) for token in tokens if row.method != "WS"}
                if got - {row.statuses[as_]}:
                    wrong.append(f"{row}: {role} got {got}, not {row.statuses[as_]}")
    assert not wrong, "\n".join(wrong)


async def test_everybody_may_follow_a_stream_that_a_resource_opens(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody any other that is of no channel."""
    monkeypatch.setattr(sessions, "open_streams", {"jokes"})
    async with app.test_client().websocket("/api/live") as socket:
        await socket.receive_json()
        await socket.send_json({"type": "subscribe", "stream": "secrets"})
        assert (await socket.receive_json())["code"] == "not-found"
        await socket.send_json({"type": "subscribe", "stream": "jokes"})
        assert (await socket.receive_json())["type"] == "subscribed"
        seq = await db.write(lambda tx: tx.changed("joke.told", stream="jokes"))
        change = await socket.receive_json()
        assert (change["type"], change["stream"], change["seq"], change["kind"]) == (
            "change",
            "jokes",
            seq,
            "joke.told",
        )
