"""Redactor: masks secrets in a text in every encoding, and does not modify other text."""

from __future__ import annotations

import base64
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_deploy.core.model.keys import admin_token
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import inert, obeyed_by_no_runner, painted, printable
from ert_deploy.core.redaction import MASK, Redactor, clean, hold, is_secret_name
from tests.support.secrets.encodings import ENCODINGS, found_in

SECRETS = (
    "a3f1c07b5d9e2846" * 4,
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "p<a&s\"s'w/o\\r:d@ 1?=%",
    "gh-Tok_en.with~marks99",
    "pässwörd-übung-42",
    "Hunter2!",
)
AROUND = ("", "the answer was ", '{"error": "', "https://h/?key=")


def holding(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.hold(*secrets)
    return redactor


@pytest.mark.parametrize("offset", range(6))
@pytest.mark.parametrize("secret", SECRETS)
def test_no_digit_of_base64_that_holds_only_a_secret_stays(secret: str, offset: int) -> None:
    data = secret.encode()
    text = base64.b64encode(b"before"[:offset] + data + b"after it").decode().rstrip("=")
    begin, end = offset * 8, (offset + len(data)) * 8
    secret_digits = [n for n in range(len(text)) if begin <= n * 6 and n * 6 + 6 <= end]
    before, after = text[: secret_digits[0]], text[secret_digits[-1] + 1 :]
    assert holding(secret).clean(f"({text})") == f"({before}{MASK}{after})"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", AROUND)
def test_no_encoding_of_a_secret_stays(secret: str, encoding: str, before: str) -> None:
    text = f"{before}{ENCODINGS[encoding](secret)} and so on"
    assert list(found_in(text, secret)), "the search itself finds it"
    shown = holding(*SECRETS).clean(text)
    assert list(found_in(shown, secret)) == []
    assert MASK in shown
    assert shown.startswith(before)
    assert shown.endswith("and so on")


@given(
    secret=st.text(string.ascii_letters + string.digits + "-_+/=.", min_size=16, max_size=80).filter(
        lambda text: sum(map(str.isalnum, text)) >= 12 and any(map(str.isdigit, text))
    ),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_no_drawn_secret_stays(secret: str, encoding: str, before: str, after: str) -> None:
    shown = holding(secret).clean(f"{before} {ENCODINGS[encoding](secret)} {after}")
    assert encoding not in found_in(shown, secret)


@given(st.text(max_size=200))
def test_what_holds_nothing_changes_nothing_but_shapes(text: str) -> None:
    if "ert-" not in text and "://" not in text:
        assert Redactor().clean(text) == text


@given(st.text(max_size=200))
def test_a_text_that_was_cleaned_is_clean(text: str) -> None:
    redactor = holding(*SECRETS)
    assert redactor.clean(redactor.clean(text)) == redactor.clean(text)


@pytest.mark.parametrize("last", ["%31", "&#49;", "\\u0031"])
def test_an_escape_goes_with_the_secret_that_it_ends(last: str) -> None:
    assert holding("s3cret-Token-55x1").clean(f"k=s3cret%2DToken%2D55x{last}!") == f"k={MASK}!"


@pytest.mark.parametrize("form", ["\\x{:02x}", "\\u{:04x}", "&#{};", "&#x{:x};"])
@pytest.mark.parametrize("secret", ["s3cret-Token-55x1", "\u00dc-s3cret-T\u00f6ken"])
def test_a_secret_of_escapes_alone_is_found(form: str, secret: str) -> None:
    escaped = "".join(form.format(ord(letter)) for letter in secret)
    assert holding(secret).clean(f"k={escaped}!") == f"k={MASK}!"


def test_a_letter_beyond_latin_is_found_as_an_escape() -> None:
    secret = "\u79d8s3cret\u5bc6-Token-55"
    assert holding(secret).clean(f"k={ascii(secret)[1:-1]}!") == f"k={MASK}!"


@pytest.mark.parametrize(("secret", "found"), [("aB3d-eF6h-iJ9l", True), ("aB3d-eF6h-iJ9", False)])
def test_separators_are_ignored_from_twelve_letters_on(secret: str, found: bool) -> None:
    written = secret.replace("-", " / ")
    assert holding(secret).clean(f"k: {written}!") == f"k: {MASK if found else written}!"


def test_escapes_of_escapes_are_found() -> None:
    secret = SECRETS[1]
    twice = ENCODINGS["percent"](ENCODINGS["percent"](secret))
    mixed = ENCODINGS["HTML"](ENCODINGS["JSON"](ENCODINGS["percent"](secret)))
    for text in (twice, mixed):
        assert holding(secret).clean(f"<{text}>") in (f"<{MASK}>", f"<&quot;{MASK}&quot;>")


def test_what_stands_between_two_lines_of_json_hides_nothing() -> None:
    secret = SECRETS[0]
    assert holding(secret).clean(f'["{secret[:30]}",\n  "{secret[30:]}"]') == f'["{MASK}"]'


def test_a_longer_line_of_a_secret_is_one() -> None:
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    secret = f"-----BEGIN THING-----\n{line}\nshort\n-----END THING-----\n"
    assert holding(secret).clean(f"x {line} y") == f"x {MASK} y"
    assert holding(secret).clean("short -----BEGIN THING-----") == "short -----BEGIN THING-----"


WORDS = ("test", "x1", "postgres", "production", "12345678", "hunter2")


@pytest.mark.parametrize("word", WORDS)
def test_a_short_secret_is_a_word_unless_the_text_calls_it_a_secret(word: str) -> None:
    redactor = holding(word)
    ordinary = f"the {word} image {word}:{word} is in /srv/{word}, {word}ed"
    assert redactor.clean(ordinary) == ordinary
    assert redactor.clean(f"password={word}") == f"password={MASK}"
    assert redactor.clean(f'"api_key": "{word}"') == f'"api_key": "{MASK}"'
    assert redactor.clean(f"https://me:{word}@host/x") == f"https://{MASK}@host/x"
    assert redactor.clean(f"the token is {word}s") == f"the token is {word}s"


def test_nothing_is_held_of_nothing() -> None:
    redactor = holding("", "  ", "\n")
    assert redactor.clean("a  b\n") == "a  b\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("proxy http://u:pw@proxy:3128 says no", "proxy http://***@proxy:3128 says no"),
        ("see https://host/a@b and git@host:x/y", "see https://host/a@b and git@host:x/y"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("'Authorization': 'Basic dXNlcjpwYXNzd29yZA=='", "'Authorization': 'Basic ***'"),
        ("it wants Basic authentication", "it wants Basic authentication"),
        ("sent bearer abcdefgh12345678", "sent bearer ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "***"),
        ("key ert-AbCdEfGhIjKlMnOpQrStUvWxYz012345 is bad", "key *** is bad"),
        ("ert-deploy-production-europe-west-1-blue", "ert-deploy-production-europe-west-1-blue"),
        ("rnd_AbCdEfGhIjKlMnOpQrStUvWx", "***"),
    ],
)
def test_some_shapes_are_taken_out_although_nothing_is_held(text: str, shown: str) -> None:
    assert Redactor().clean(text) == shown


@pytest.mark.parametrize(
    "name", ["VAST_API_KEY", "ERT_BOOT_SECRET", "HF_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "jupyter_token",
             "DB_PASS", "SENTRY_DSN", "SESSION_COOKIE", "GOOGLE_CREDENTIALS", "x-auth", "ERT_LLM_API_KEY_2"],
)  # fmt: skip
def test_a_name_may_say_that_the_value_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["PWD", "ERT_TOKEN", "ERT_KEY_HASHES", "SSH_AUTH_SOCK", "AWS_ACCESS_KEY_ID", "PATH", "COMPASS", "KEYS_FILE"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert not is_secret_name(name)


def test_values_are_held_by_name_and_the_passwords_of_addresses_with_them() -> None:
    redactor = Redactor()
    redactor.hold_named({
        "HF_TOKEN": "hf_0123456789",
        "HTTPS_PROXY": "http://me:p%40ss-word-9@proxy:3128",
        "HOME": "/home/somebody",
    })  # fmt: skip
    assert redactor.clean("hf_0123456789 p%40ss-word-9 p@ss-word-9 /home/somebody") == "*** *** *** /home/somebody"


def test_a_script_shows_what_it_sets() -> None:
    redactor = Redactor()
    redactor.hold_assigned(
        "export WANDB_API_KEY='0f1e2d3c4b5a' A=plain-value; docker login -u me -p s3cr3t-pass r.example"
    )
    assert redactor.clean("0f1e2d3c4b5a plain-value s3cr3t-pass") == "*** plain-value ***"


HOSTILE = (
    " " * 200_000,
    '"' * 200_000,
    "://" + "a:" * 100_000,
    "://a:" * 40_000,
    "ert-" * 50_000,
    "-----BEGIN PRIVATE KEY-----" * 8_000,
    "%41" * 60_000,
    "\\" * 200_000,
    "&#65;" * 40_000,
    "bearer " * 30_000,
    "authorization: " * 14_000,
    "key " + " " * 200_000,
    "\x1b]" * 100_000,
    ":" * 200_000,
    "\n" * 200_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_no_text_takes_long(text: str) -> None:
    redactor = holding(*SECRETS, *WORDS)
    started = time.process_time()
    redactor.clean(obeyed_by_no_runner(inert(text)))
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\tb\r\nc\rd", "a\tb\nc d"),
        ("\x1b]0;owned\x07title\x1b]8;;https://x\x1b\\link", "titlelink"),
        ("\x1b]never ended\nnext", "\nnext"),
        ("\x9b31mred\x1b[31;1mred\x07\x08\x00", "31mredred"),
        ("a\u202eb\u200bc\u00a0d\u2028e\ud800", "abc d e"),
    ],
)
def test_text_of_others_commands_no_terminal(raw: str, shown: str) -> None:
    assert inert(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("::set-output name=x::y", ": :set-output name=x::y"),
        ("a\n  \t::add-mask::x", "a\n  \t: :add-mask::x"),
        ("x ##[error]no", "x # #[error]no"),
        ("a::b ::1", "a::b ::1"),
    ],
)
def test_text_of_others_commands_no_runner(raw: str, shown: str) -> None:
    assert obeyed_by_no_runner(raw) == shown


def test_what_draws_on_a_terminal_may_stay() -> None:
    drawn = "\x1b[?25l\x1b[32mok\x1b[0m\r\x1b[1A\x1b[2K"
    assert painted(f"{drawn}\x1b]0;t\x07\x1b]8;;u\x1b\\x\x1b[6n\x07") == f"{drawn}x"
    assert painted("plain\ttext\n") == "plain\ttext\n"


def test_what_one_part_of_the_process_holds_no_part_shows() -> None:
    hold(SECRETS[3])
    assert clean(f"it is {SECRETS[3]}") == f"it is {MASK}"
    hold(SECRETS[3])
    assert clean("it is") == "it is"


def test_the_admin_token_follows_from_a_boot_secret_alone() -> None:
    assert admin_token(Secret("no boot secret")) is None
    token = admin_token(Secret(SECRETS[0]))
    assert token is not None
    assert len(token) == 64
    assert token != admin_token(Secret("0" * 64))


def test_a_secret_is_taken_out_before_the_text_is_cut(held: Redactor) -> None:
    held.hold(SECRETS[0])
    assert printable(f"{'x' * 40}{SECRETS[0]}", 60) == f"{'x' * 40}{MASK}"
    assert printable(f"a {SECRETS[0][:20]}\n  {SECRETS[0][20:]} b") == f"a {MASK} b"
