"""Python's JSON reader made strict, as a second opinion; and documents to ask both about."""

import json
import re

DEPTH, MEMBERS, KEY_BYTES, STRING_BYTES, DIGITS = 32, 1024, 128, 65536, 38


class Refused(ValueError):
    """Python's own reader refuses it."""


class OverRule(Exception):
    """JSON by RFC 8259 that we refuse all the same; the argument is the rule (see json_read.h)."""


def judge(document):
    """None when the document is fine; Refused or OverRule, as a value, when it is not."""
    try:
        check(parse(document), 0)
    except (Refused, OverRule) as reason:
        return reason
    return None


def parse(document):
    try:
        return json.loads(
            document.decode(),
            object_pairs_hook=Members,
            parse_int=Number,
            parse_float=Number,
            parse_constant=refuse_constant,
        )
    except (ValueError, RecursionError) as reason:
        # What nests so deeply that Python gives up is too deep for us as well.
        raise Refused(str(reason)) from None


def refuse_constant(name):
    raise Refused(name)


class Members(list):
    """An object as its pairs, twins included."""


class Number(str):
    """As written."""


def check(value, depth):
    if isinstance(value, Number):
        check_number(value)
    elif isinstance(value, str):
        check_text(value, STRING_BYTES, "a string too long")
    elif isinstance(value, list):
        check_container(value, depth)


def check_container(values, depth):
    if depth == DEPTH:
        raise OverRule("too deep")
    if len(values) > MEMBERS:
        raise OverRule("too many members")
    if isinstance(values, Members):
        for name, _ in values:
            check_text(name, KEY_BYTES, "a key too long")
        if len({name for name, _ in values}) < len(values):
            raise OverRule("a key twice")
        values = [value for _, value in values]
    for value in values:
        check(value, depth + 1)


def check_text(text, max_bytes, rule):
    if "\0" in text:
        raise OverRule("NUL")
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise OverRule("half a surrogate pair") from None
    if length > max_bytes:
        raise OverRule(rule)


def check_number(text):
    """At most 38 digits from the first that is not nought, which stands for 10^-38 to 10^37. Of a nought only the
    last digit counts."""
    whole, fraction, exponent = re.fullmatch(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", text).groups(default="")
    digits = whole + fraction
    leading = next((at for at, digit in enumerate(digits) if digit != "0"), len(digits) - 1)
    place = len(whole) - 1 - leading + int(exponent or 0)
    if len(digits) - leading > DIGITS or not -DIGITS <= place < DIGITS:
        raise OverRule("a number that no decimal of 38 digits holds")


# ---- documents ----

TOKENS = [
    *b"{ } [ ] , : \" ' \\ / \t \n \r \f \v \x00 \x1f \x7f \xc2\x85 \xc2\xa0 \xef\xbb\xbf \xe2\x80\xa8".split(b" "),
    *b"0 -0 1 -1 01 -01 1. .5 +1 1e 1e+ 1e5 1E-5 1.5e37 1e38 1e-38 1e-39 0e400 0.0 - -- 0x1 1_0 NaN Infinity".split(),
    *b"true false null nul True nulll undefined // /**/ # ' '".split(),
    *rb'"" "a" "\u0061" "\u0000" "\ud800" "\udc00" "\ud83d\ude00" "\ud83d\u0061" "\uD83D" "\x" "\u12" "\u+123"'.split(),
    *rb'"\"" "\\" "\/" "\b\f\n\r\t" "\a" {"a":1} {"a":1,"a":2} {"a":1,"\u0061":2} [1,2] [1,] {"a":1,} [,1]'.split(),
    *b"\x80 \xc0\x80 \xc0\xaf \xed\xa0\x80 \xed\xbf\xbf \xf4\x8f\xbf\xbf \xf4\x90\x80\x80 \xff \xe2\x82".split(),
    "ä".encode(),
    "🎈".encode(),
    "ä".encode("latin-1"),
    b"1" * 38,
    b"1" * 39,
    b"0." + b"0" * 37 + b"1",
    b"0." + b"0" * 38 + b"1",
    b"1" * 20 + b"." + b"0" * 19,
]


class Documents:
    """Documents from grown ones, spoilt here and there; as many as are asked for, by the given chance."""

    def __init__(self, chance, seeds):
        self._chance = chance
        self._seeds = list(seeds)

    def __iter__(self):
        while True:
            yield self._spoilt(self._chance.choice(self._seeds) if self._chance.random() < 0.3 else self._grown(0))

    def _grown(self, depth):
        kind = self._chance.random()
        if depth > 4 or kind < 0.4:
            return self._chance.choice(TOKENS) if kind < 0.1 else self._scalar()
        parts = [self._grown(depth + 1) for _ in range(self._chance.randrange(4))]
        if kind < 0.7:
            return b"[" + self._gap().join([b",".join(parts), b""]) + b"]"
        return b"{" + b",".join(self._name() + b":" + self._gap() + part for part in parts) + b"}"

    def _gap(self):
        return self._chance.choice([b"", b"", b" ", b"\n\t", b"\r"])

    def _name(self):
        return self._chance.choice([b'"a"', b'"b"', rb'"\u0061"', b'""', b'"%d"' % self._number()])

    def _number(self):
        bits = self._chance.choice([1, 4, 53, 64, 130])
        return self._chance.getrandbits(bits)

    def _scalar(self):
        if self._chance.random() < 0.3:
            return self._chance.choice([b"true", b"false", b"null", b'"text"', rb'"\u00e4\n"', '"🎈"'.encode()])
        exponent = self._chance.choice([b"", b"", b"e%d" % self._chance.randrange(-45, 45), b"E+7"])
        fraction = self._chance.choice([b"", b".%d" % self._number()])
        return self._chance.choice([b"", b"-"]) + b"%d" % self._number() + fraction + exponent

    def _spoilt(self, document):
        for _ in range(self._chance.choice([0, 0, 1, 1, 2, 4])):
            at = self._chance.randrange(len(document) + 1)
            gone = self._chance.choice([0, 0, 1, 2, 8])
            new = self._chance.choice([b"", bytes([self._chance.randrange(256)]), self._chance.choice(TOKENS)])
            document = document[:at] + new + document[at + gone :]
        return document


# What random documents are too small for: just within each limit, and just over it.
LARGE = [
    *[b"[" * depth + b"]" * depth for depth in (DEPTH, DEPTH + 1, 5000)],
    *[b'{"a":' * depth + b"1" + b"}" * depth for depth in (DEPTH, DEPTH + 1)],
    *[b"[" + b",".join([b"0"] * count) + b"]" for count in (MEMBERS, MEMBERS + 1)],
    *[b"{" + b",".join(b'"%d":0' % at for at in range(count)) + b"}" for count in (MEMBERS, MEMBERS + 1)],
    *[b'{"' + b"k" * length + b'":0}' for length in (KEY_BYTES, KEY_BYTES + 1)],
    *[b'"' + b"s" * length + b'"' for length in (STRING_BYTES, STRING_BYTES + 1)],
    *['"{}"'.format("ä" * (length // 2)).encode() for length in (STRING_BYTES, STRING_BYTES + 2)],
]
