"""Tables that break readers, each with what must become of it: the values of its columns, or one sentence."""

from __future__ import annotations

import codecs
import gzip
import random
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A file's bytes; `expected` is what its columns hold (None: no value), or a pattern of the error."""

    name: str
    content: bytes
    expected: dict[str, list[Any]] | str
    kinds: dict[str, str] = field(default_factory=dict)  # of the columns
    note: str = ""  # a pattern of one of the notes
    options: dict[str, Any] = field(default_factory=dict)
    file: str = "t.csv"


def case(name: str, content: str | bytes, expected: dict[str, list[Any]] | str, **rest: Any) -> Case:
    return Case(name, content.encode() if isinstance(content, str) else content, expected, **rest)


AB = {"a": [1.5, 2.5], "b": ["x", "y"]}
PLAIN = "a,b\n1.5,x\n2.5,y\n"
GERMAN = {"größe": [1.5, 2.5], "ort": ["Köln", "Fürth"]}
GERMAN_TEXT = "größe;ort\n1,5;Köln\n2,5;Fürth\n"

ENCODINGS = [
    case("plain", PLAIN, AB),
    case("utf-8 mark", codecs.BOM_UTF8 + PLAIN.encode(), AB, note="byte order mark"),
    case("utf-16 little", PLAIN.encode("utf-16"), AB, note="UTF-16"),
    case("utf-16 big", codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), AB, note="UTF-16"),
    case("utf-16 no mark", PLAIN.encode("utf-16-le"), AB, note="without a byte order mark"),
    case("utf-16 big no mark", PLAIN.encode("utf-16-be"), AB, note="without a byte order mark"),
    case("utf-32", PLAIN.encode("utf-32"), AB, note="UTF-32"),
    case("utf-8 umlauts", GERMAN_TEXT, GERMAN),
    case("latin-1 umlauts", GERMAN_TEXT.encode("latin-1"), GERMAN, note="cp1252, a guess, since line 1"),
    case(
        "cp1252 euro", "a,b\n1,€ 5 tief\n2,x\n".encode("cp1252"), {"a": [1, 2], "b": ["€ 5 tief", "x"]}, note="line 2"
    ),
    case("latin-1 c1", b"a,b\n1,\x81x\n2,y\n", {"a": [1, 2], "b": ["\x81x", "y"]}, note="latin-1"),
    case("bad byte far below", b"a,b\n" + b"1,x\n" * 90_000 + b"2,\xe9\n", {}, note="since line 90002 is not UTF-8"),
    case("wrong encoding told", GERMAN_TEXT.encode("latin-1"), r"line 1 is not utf-8", options={"encoding": "utf-8"}),
    case(
        "wrong far below", b"a,b\n" + b"1,x\n" * 9 + b"2,\xe9\n", "line 11 is not utf-8", options={"encoding": "utf-8"}
    ),
    case(
        "one bad byte in utf-8", "a,b\n1,Köln\n2,Fürth\n".encode() + b"3,\xff\n", "line 4 has bytes that are not UTF-8"
    ),
    case(
        "utf-8 told to be latin-1", "a,b\n1,é\n2,y\n", {"a": [1, 2], "b": ["Ã©", "y"]}, options={"encoding": "latin-1"}
    ),
    case("unknown encoding", PLAIN, "encoding 'klingon' is not known", options={"encoding": "klingon"}),
    case("cut utf-16", PLAIN.encode("utf-16")[:-1], "is not utf-16"),
    case("mark in every cell", "\ufeffa,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    case("emoji", "a,😀\n1,🎈\n2,🎉\n", {"a": [1, 2], "😀": ["🎈", "🎉"]}),
    case("other digits", "a,b\n١,x\n٢,y\n", {"a": ["١", "٢"], "b": ["x", "y"]}),
    case("gzip", gzip.compress(PLAIN.encode()), AB, file="t.csv.gz", note="gzip"),
    case("gzip named csv", gzip.compress(PLAIN.encode()), AB, note="gzip"),
    case("gzip cut", gzip.compress(PLAIN.encode() * 50)[:-12], "damaged gzip", file="t.csv.gz"),
    case("gzip spoilt", gzip.compress(PLAIN.encode())[:-8] + b"12345678", "damaged gzip", file="t.csv.gz"),
    case("gzip name only", PLAIN, AB, file="t.csv.gz"),
    case("gzip of nothing", gzip.compress(b""), "the file is empty", file="t.csv.gz"),
]

FORMS = [
    case("semicolons", PLAIN.replace(",", ";"), AB, note="semicolons"),
    case("tabs", PLAIN.replace(",", "\t"), AB, note="tabs"),
    case("bars", PLAIN.replace(",", "|"), AB, note="vertical bars"),
    case("spaces", PLAIN.replace(",", "   "), AB, note="spaces"),
    case("aligned", "  a   b\n  1.5 x\n 12.5 y\n", {"a": [1.5, 12.5], "b": ["x", "y"]}, note="spaces"),
    case("spaces after commas", PLAIN.replace(",", ", "), AB),
    case("spaces around", "a , b\n 1.5 , x \n2.5, y\n", AB),
    case("old line ends", PLAIN.replace("\n", "\r"), AB),
    case("mixed line ends", "a,b\r1.5,x\r\n2.5,y\n", AB),
    case("no last line end", PLAIN[:-1], AB),
    case("control z at the end", "a;b\n1;x\n2;y\n", {"a": [1, 2], "b": ["x", "y"]}),
    case("empty lines", "\n\na,b\n\n1.5,x\n\n\n2.5,y\n\n", AB),
    case("excel separator line", "sep=;\n" + PLAIN.replace(",", ";"), AB, note="1 lines before"),
    case("comments before", "# made by x\n# on monday, early\n" + PLAIN, AB, note="2 lines before"),
    case("comment is the header", "#a,b\n1.5,x\n2.5,y\n", AB, note="the # before"),
    case("stray literal", "b'a,b\n1.5,x\n2.5,y\n'", AB, note="the stray b'"),
    case("quoted", '"a","b"\n"1.5","x"\n"2.5","y"\n', AB),
    case("quoted commas", 'a,b\n1,"x, y"\n2,"z, w"\n', {"a": [1, 2], "b": ["x, y", "z, w"]}),
    case("quoted line ends", 'a,b\n1,"x\ny"\n2,"z\r\nw"\n', {"a": [1, 2], "b": ["x\ny", "z\r\nw"]}),
    case("doubled quotes", 'a,b\n1,"say ""x"""\n2,y\n', {"a": [1, 2], "b": ['say "x"', "y"]}),
    case("escaped quotes", 'a,b\n1,"say \\"x\\" now"\n2,y\n', {"a": [1, 2], "b": ['say "x" now', "y"]}, note="escaped"),
    case("backslashes stay", 'a,b\n1,"C:\\x"\n2,D:\\y\n', {"a": [1, 2], "b": ["C:\\x", "D:\\y"]}),
    case("single quotes", "a,b\n1,'x, y'\n2,'z'\n", {"a": [1, 2], "b": ["x, y", "z"]}, note="quoted by '"),
    case("apostrophes stay", "a,b\n1,it's\n2,y'all\n", {"a": [1, 2], "b": ["it's", "y'all"]}),
    case("inches", 'a,b\n1,5" pipe\n2,6" pipe\n', {"a": [1, 2], "b": ['5" pipe', '6" pipe']}),
    case("unclosed quote", 'a,b\n1,"x\n2,y\n', r'a quote " that opens in line 2 or below is not closed'),
    case("unclosed at the end", "a,b\n" + "1,x\n" * 99 + '2,"y\n', "opens in line 101"),
    case("unclosed in a long file", "a,b\n" + '1,"x\n' + "2,yyyyyyyyyy\n" * 20_000, "opens in line 2"),
    case("text after a quote", 'a,b\n1,"x"y\n2,z\n', "line 2: there is more after a closing quote"),
    case("unclosed in the header", '"a,b\n1,x\n2,y\n', "not closed"),
    case("very long cell", "a,b\n1," + "x" * 200_000 + "\n2,y\n", "longer than|not closed"),
    case("long cell", "a,b\n1," + "x" * 100_000 + "\n2,y\n", {"a": [1, 2], "b": ["x" * 100_000, "y"]}),
    case("one column", "a\n1\n2\n", {"a": [1, 2]}),
    case("one column of text", "name\nx y\nz w\n", {"name": ["x y", "z w"]}),
    case("one column of addresses", "address\n12 Main St\n14 Elm St\n", {"address": ["12 Main St", "14 Elm St"]}),
    case("one number", "5\n", {"x1": [5]}, note="the only row has numbers"),
    case("one row", "a,b\n1.5,x\n", {"a": [1.5], "b": ["x"]}),
    case("separator told", "a:b\n1:x\n2:y\n", {"a": [1, 2], "b": ["x", "y"]}, options={"separator": ":"}),
    case("bad separator", PLAIN, "separator 'abc' cannot be used", options={"separator": "abc"}),
    case("no separator fits", "a,b\n1,x\n", {"a,b": ["1,x"]}, options={"separator": ";"}),
]

HEADERS = [
    case("none", "1,x\n2,y\n3,x\n", {"x1": [1, 2, 3], "x2": ["x", "y", "x"]}, note="no header"),
    case("none, all text", "x,y\nz,y\nx,w\n", {"x1": ["x", "z", "x"], "x2": ["y", "y", "w"]}, note="comes again"),
    case("none, told", "p,q\nr,s\n", {"x1": ["p", "r"], "x2": ["q", "s"]}, options={"header": False}),
    case("told", "1,2\n3,4\n5,6\n", {"1": [3, 5], "2": [4, 6]}, options={"header": True}),
    case("none, marks", "?,1\n2,3\n4,5\n", {"x1": [None, 2, 4], "x2": [1, 3, 5]}, note="the value '\\?'"),
    case("counting", "0,1,2\n5.5,6.5,7.5\n8.5,9.5,1.5\n", {"0": [5.5, 8.5], "1": [6.5, 9.5], "2": [7.5, 1.5]}),
    case(
        "years", "land,2001,2002\nA,1.5,2.5\nB,3.5,4.5\n", {"land": ["A", "B"], "2001": [1.5, 3.5], "2002": [2.5, 4.5]}
    ),
    case("twice", "a,a,a\n1,2,3\n4,5,6\n", {"a": [1, 4], "a_2": [2, 5], "a_3": [3, 6]}, note="a further 'a'"),
    case("twice, taken", "a,a,a_2\n1,2,3\n4,5,6\n", {"a": [1, 4], "a_3": [2, 5], "a_2": [3, 6]}),
    case("empty name", "a,,b\n1,2,x\n3,4,y\n", {"a": [1, 3], "x2": [2, 4], "b": ["x", "y"]}, note="without a name"),
    case("empty name, taken", "x2,\n1,2\n3,4\n", {"x2": [1, 3], "x2_2": [2, 4]}),
    case("first name empty", ",a\n0,1.5\n1,2.5\n", {"x1": [0, 1], "a": [1.5, 2.5]}),
    case("spaces in names", " a b ,c\n1,2\n3,4\n", {"a b": [1, 3], "c": [2, 4]}),
    case("line end in a name", '"a\nb",c\n1,2\n3,4\n', {"a\nb": [1, 3], "c": [2, 4]}),
    case("only a header", "a,b\n", "a header and no rows"),
    case("only a header, told", "1,2\n", "a header and no rows", options={"header": True}),
    case("trailing separators", "a,b,\n1.5,x,\n2.5,y,\n", {**AB, "x3": [None, None]}, kinds={"x3": "empty"}),
    case("trailing in the header", "a,b,,\n1.5,x\n2.5,y\n", AB),
    case("row names of R", '"a" "b"\n"1" 1.5 "x"\n"2" 2.5 "y"\n', {"row": [1, 2], **AB}, note="the name of the row"),
    case("bad header option", PLAIN, "header is 'maybe'", options={"header": "maybe"}),
]

ROWS = [
    case("short row", "a,b,c\n1,2,3\n4,5\n6,7,8\n", {"a": [1, 4, 6], "b": [2, 5, 7], "c": [3, None, 8]}, note="line 3"),
    case(
        "long row", "a,b\n1,2\n3,4,5\n", "line 3 has 3 values, expected 2 as in the header; the first too many is '5'"
    ),
    case("long row below a text", 'a,b\n"x\ny",2\n3,4,5\n', "line 4 has 3 values"),
    case("long row below empty lines", "a,b\n\n\n1,2\n3,4,5\n", "line 5 has 3 values"),
    case("long with empty", "a,b\n1.5,x,\n2.5,y,,\n", AB, note="empty values too many, the first in line 2"),
    case("decimal commas unquoted", "a,b\n1,5,x\n2,y\n", "line 2 has 3 values"),
    case(
        "last row cut",
        "a,b,c\n1,2,x\n3,4,y\n5",
        {"a": [1, 3, 5], "b": [2, 4, None], "c": ["x", "y", None]},
        note="line 4",
    ),
    case("nul in a text", b"a,b\n1,x\x00y\n2,z\n", "line 2, column 'b': a NUL character"),
    case("nul in a number", b"a,b\n1,x\n\x002,z\n", "line 3, column 'a': a NUL character"),
    case(
        "more columns than rows",
        ",".join("abcdefgh") + "\n" + ",".join("12345678") + "\n",
        {c: [i + 1] for i, c in enumerate("abcdefgh")},
    ),
    case("limit", "a\n1\n2\n3\n", {"a": [1, 2]}, options={"limit": 2}),
    case("limit of nothing", PLAIN, "limit is 0", options={"limit": 0}),
    case("unknown target", PLAIN, "unknown column 'c'", options={"target": "c"}),
    case("target by number", "1,2\n3,4\n5,6\n", {"x1": [1, 3, 5], "x2": [2, 4, 6]}, options={"target": "2"}),
    case("unknown kind", PLAIN, "unknown kind of column 'categry'", options={"kinds": {"a": "categry"}}),
    case("kind of no column", PLAIN, "unknown column 'c'", options={"kinds": {"c": "number"}}),
]

BOOLEANS = {"a": [1, 0, 1], "b": [1, 0, None], "c": [1, 0, 1]}
VALUES = [
    case("marks", "a\n1\nNA\nn/a\nNULL\nnone\nNaN\n-\n.\n?\n#N/A\n2\n", {"a": [1, *[None] * 9, 2]}, note="missing"),
    case("plus and minus", "a,b\n+,1\n-,2\n,3\n", {"a": ["+", "-", None], "b": [1, 2, 3]}),
    case("own marks", "a\n1\nxx\n2\n", {"a": [1, None, 2]}, options={"missing": ["xx"]}),
    case("own marks alone", "a,b\n1,NA\n2,b\n", {"a": [1, 2], "b": ["NA", "b"]}, options={"missing": [""]}),
    case("all missing", "a,b\n1,NA\n2,\n", {"a": [1, 2], "b": [None, None]}, kinds={"b": "empty"}),
    case("infinities", "a\n1\ninf\n-Infinity\n2\n", {"a": [1, None, None, 2]}, note="2 infinite values"),
    case("too large", "a\n1\n1e999\n2\n", {"a": [1, None, 2]}, note="1 infinite"),
    case("too small", "a\n1\n1e-999\n2\n", {"a": [1, 0, 2]}),
    case("all kinds of floats", "a\n+1.5\n-.5\n2.\n1E3\n1e-3\n0.1\n", {"a": [1.5, -0.5, 2, 1000, 0.001, 0.1]}),
    case("seventeen digits", "a\n0.30000000000000004\n0.1\n", {"a": [0.30000000000000004, 0.1]}),
    case("underscores", "a\n1_000\n2_000\n", {"a": ["1_000", "2_000"]}),
    case("hexadecimal", "a\n0x10\n0x20\n", {"a": ["0x10", "0x20"]}),
    case("mixed", "a\n1\n2\n3\nabc\n5\n", {"a": ["1", "2", "3", "abc", "5"]}, note="'abc' in line 5"),
    case("huge whole", "a\n9007199254740993\n5\n", {"a": ["9007199254740993", "5"]}, kinds={"a": "category"}),
    case("huge exact", "a\n9007199254740992\n5\n", {"a": [9007199254740992, 5]}, kinds={"a": "number"}),
    case("huge told", "a\n9007199254740993\n5\n", {"a": [9007199254740992, 5]}, options={"kinds": {"a": "number"}}),
    case("endless digits", "a\n" + "9" * 5000 + "\n1\n", {"a": ["9" * 5000, "1"]}),
    case("leading zeros", "a\n00501\n10115\n", {"a": ["00501", "10115"]}, kinds={"a": "category"}),
    case("no codes", "a\n0.5\n0\n", {"a": [0.5, 0]}, kinds={"a": "number"}),
    case("decimal commas", "a;b\n1,5;x\n2,25;y\n", {"a": [1.5, 2.25], "b": ["x", "y"]}),
    case("decimal commas quoted", 'a,b\n"1,5",x\n"2,25",y\n', {"a": [1.5, 2.25], "b": ["x", "y"]}),
    case("commas and dots", "a;b\n1.234,5;x\n2.345.678,25;y\n", {"a": [1234.5, 2345678.25], "b": ["x", "y"]}),
    case("dots beside commas", "a;b\n1.234;0,5\n2.345;1,5\n", {"a": [1234, 2345], "b": [0.5, 1.5]}, note="thousands"),
    case("thousands", 'a,b\n"1,234",x\n"12,345,678",y\n', {"a": [1234, 12345678], "b": ["x", "y"]}),
    case("ambiguous", 'a,b\n"1,234",x\n"5,678",y\n', {"a": [1234, 5678], "b": ["x", "y"]}, note="otherwise"),
    case("ambiguous told", 'a,b\n"1,234",x\n"5,6",y\n', {"a": [1.234, 5.6], "b": ["x", "y"]}, options={"decimal": ","}),
    case("ambiguous in tabs", "a\tb\n1,234\tx\n5,678\ty\n", {"a": [1234, 5678], "b": ["x", "y"]}, note="otherwise"),
    case("spaces in thousands", "a;b\n1 234;x\n12 345;y\n", {"a": [1234, 12345], "b": ["x", "y"]}),
    case("half thousands", 'a,b\n"1,234",x\n1234,y\n', {"a": ["1,234", "1234"], "b": ["x", "y"]}),
    case("small decimal commas", 'a,b\n"0,001",x\n"1,250",y\n', {"a": [0.001, 1.25], "b": ["x", "y"]}),
    case("percent", "a,b\n5%,x\n12.5 %,y\n", {"a": [5, 12.5], "b": ["x", "y"]}),
    case("half percent", "a,b\n5%,x\n12.5,y\n", {"a": ["5%", "12.5"], "b": ["x", "y"]}),
    case("dollars", 'a,b\n"$1,200.50",x\n-$3,y\n', {"a": [1200.5, -3], "b": ["x", "y"]}),
    case("euros", "a;b\n1.200,50 €;x\n3,00 €;y\n", {"a": [1200.5, 3], "b": ["x", "y"]}),
    case("two currencies", "a,b\n$5,x\n€6,y\n", {"a": ["$5", "€6"], "b": ["x", "y"]}),
    case("bad decimal", PLAIN, "decimal is ':'", options={"decimal": ":"}),
    case("booleans", "a,b,c\nyes,T,true\nNo,F,FALSE\nYES,,True\n", BOOLEANS, kinds=dict.fromkeys("abc", "boolean")),
    case("0 and 1", "a,b\n1,x\n0,y\n,z\n", {"a": [1, 0, None], "b": ["x", "y", "z"]}, kinds={"a": "boolean"}),
    case("half booleans", "a,b\nyes,1\nno,2\nmaybe,3\n", {"a": ["yes", "no", "maybe"], "b": [1, 2, 3]}),
    case("no boolean", "a\n1\n2\n3\n", "cannot be boolean", options={"kinds": {"a": "boolean"}}),
    case("no number", "a,b\n1,2\nx,3\n", "line 3, column 'a': 'x' is no number", options={"kinds": {"a": "number"}}),
    case("no date", "a,b\n2020-01-01,2\nx,3\n", "line 3, column 'a': 'x' is no date", options={"kinds": {"a": "date"}}),
    case("constant", "a,b\n1,x\n1,y\n", {"a": [1, 1], "b": ["x", "y"]}, kinds={"a": "constant"}),
    case("constant text", "a,b\nq,1\nq,2\n", {"a": ["q", "q"], "b": [1, 2]}, kinds={"a": "constant"}),
    case("one value or none", "a,b\nq,1\n,2\n", {"a": ["q", None], "b": [1, 2]}, kinds={"a": "category"}),
    case("sentinel", "a\n1\n2\n-999\n3\n-999\n", {"a": [1, 2, -999, 3, -999]}, note="-999 occurs 2 times"),
    case("no sentinel", "a\n-999\n-500\n0\n999\n", {"a": [-999, -500, 0, 999]}),
    case("formula text", "a,b\n=1+1,x\n@y,z\n", {"a": ["=1+1", "@y"], "b": ["x", "z"]}),
    case("markup", "a,b\n<b>,1\n</b>,2\n", {"a": ["<b>", "</b>"], "b": [1, 2]}),
]  # fmt: skip

DATES = [
    case("days", "d\n1970-01-02\n1969-12-31\n", {"d": [86400, -86400]}, kinds={"d": "date"}),
    case("months", "d\n1970-01\n1970-02\n", {"d": [0, 31 * 86400]}, kinds={"d": "date"}),
    case("times", "d\n1970-01-01 00:00:01\n1970-01-01T00:01\n", {"d": [1, 60]}, kinds={"d": "date"}),
    case("fractions", "d\n1970-01-01 00:00:01.250\n1970-01-02\n", {"d": [1.25, 86400]}, kinds={"d": "date"}),
    case("zones", "d\n1970-01-01T01:00:00+01:00\n1970-01-01T00:00:01Z\n", {"d": [0, 1]}, kinds={"d": "date"}),
    case("day first", "d\n13.01.1970\n02.01.1970\n", {"d": [12 * 86400, 86400]}, kinds={"d": "date"}),
    case("slashes, day first", "d\n13/01/1970\n02/01/1970\n", {"d": [12 * 86400, 86400]}, kinds={"d": "date"}),
    case("slashes, month first", "d\n01/13/1970\n01/02/1970\n", {"d": [12 * 86400, 86400]}, kinds={"d": "date"}),
    case("slashes, either", "d\n01/02/1970\n01/03/1970\n", {"d": [86400, 2 * 86400]}, note="the other way round"),
    case("names of months", "d\n2 Jan 1970\n3-Jan-1970\n", {"d": [86400, 2 * 86400]}, kinds={"d": "date"}),
    case("names before days", 'd\n"January 2, 1970"\n"Jan 3, 1970"\n', {"d": [86400, 2 * 86400]}),
    case("half days", "d\n1/2/1970 12:00 AM\n1/13/1970 1:00 pm\n", {"d": [86400, 12 * 86400 + 13 * 3600]}),
    case("quarters", "d\n1970Q1\n1970-Q2\n", {"d": [0, 90 * 86400]}, kinds={"d": "date"}),
    case("without separators", "d\n19700101\n19700102\n19700131\n", {"d": [0, 86400, 30 * 86400]}, kinds={"d": "date"}),
    case("numbers like dates", "d\n19700101\n19700199\n19700131\n", {"d": [19700101, 19700199, 19700131]}),
    case("no day", "d\n2020-02-30\n2020-02-28\n", {"d": ["2020-02-30", "2020-02-28"]}, kinds={"d": "category"}),
    case("dates and none", "d\n1970-01-02\nNA\n", {"d": [86400, None]}, kinds={"d": "date"}),
    case("years are numbers", "d\n1999\n2000\n2001\n", {"d": [1999, 2000, 2001]}, kinds={"d": "number"}),
    case("mixed dates", "d\n1970-01-02\n02.01.1970\n", {"d": ["1970-01-02", "02.01.1970"]}),
]

BINARY = [
    case("empty", "", "the file is empty"),
    case("only line ends", "\n\n\n", "the file has no values"),
    case("only a mark", codecs.BOM_UTF8, "no values|empty"),
    case("only separators", ",,\n,,\n", {"x1": [None, None], "x2": [None, None], "x3": [None, None]}),
    case("png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a PNG image"),
    case("pdf", b"%PDF-1.7\n...", "a PDF document"),
    case("old excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel workbook"),
    case("sqlite", b"SQLite format 3\x00" + bytes(99), "a SQLite database"),
    case("bzip2", b"BZh91AY", "compressed by bzip2"),
    case("pickle", b"\x80\x04\x95\x10\x00\x00", "a Python pickle, which is never opened"),
    case("noise", random.Random(1).randbytes(5000), "binary data"),
    case("zeros", bytes(5000), "binary data"),
    case("zip", b"PK\x03\x04" + bytes(99), "a damaged archive"),
    case("parquet in name", PLAIN, r"not a \.parquet file", file="t.parquet"),
    case("excel in name", PLAIN, r"not a \.xlsx file", file="t.xlsx"),
    case("npz in name", PLAIN, r"not a \.npz file", file="t.npz"),
    case("json in a csv", '{"a": 1}\n{"a": 2}\n', {"a": [1, 2]}, note="records in JSON"),
    case("html", "<!DOCTYPE html>\n<html><body>\n<p>a,b</p></body>\n</html>\n", "a page of HTML or XML"),
]


def wide(columns: int) -> Case:
    """10,000 columns must take seconds at most."""
    names = ",".join(f"c{i}" for i in range(columns))
    rows = [",".join(str(i * row) for i in range(columns)) for row in range(1, 4)]
    expected = {f"c{i}": [i, 2 * i, 3 * i] for i in (1, columns - 1)}
    return case(f"{columns} columns", "\n".join([names, *rows]), expected)


CASES = [
    *ENCODINGS,
    *FORMS,
    *HEADERS,
    *ROWS,
    *VALUES,
    *DATES,
    *BINARY,
    wide(10_000),
]
