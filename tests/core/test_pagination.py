from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given, strategies as st

from evenergy._codec.urls import Query, encoded
from evenergy._core.pagination import follow, linked
from evenergy.errors import DecodeError

A = "https://api.ev.energy/v2/vehicles?page_after=vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
B = "https://api.ev.energy/v2/vehicles?page_before=vhcl01HRFF3SEVSCRAV9B3CHVDFN0G"
T = "https://api.ev.energy/v2/vehicles/v/status_logs?page_after=2024-01-01T11:11:11.1111Z&page_size=25"


def links(*values: str) -> dict[str, str]:
    found = {relation: linked(values, relation) for relation in ("next", "previous", "last", "end")}
    return {relation: target for relation, target in found.items() if target is not None}


def followed(requested: Query, target: str | None) -> Query | None:
    query = follow(encoded(requested), target)
    return None if query is None else tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=query != ""))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f'<{A}>; rel="next"', {"next": A}),
        (f'<{B}>; rel="previous", <{A}>; rel="next"', {"previous": B, "next": A}),
        (f'<{B}>;rel="previous",<{A}>;rel="next"', {"previous": B, "next": A}),
        (f'<{T}>; rel="next"', {"next": T}),
        (f'<about:blank>; rel="previous", <{A}>; rel="next"', {"previous": "about:blank", "next": A}),
        (f"<{A}>; rel=next", {"next": A}),
        (f"<{A}>; rel=next; title=x", {"next": A}),
        (f'<{A}> ; REL = "NEXT"', {"next": A}),
        (f'<{A}>; rel="last  next\tend"', {"last": A, "next": A, "end": A}),
        (f'<{A}>; title="a, b; rel=previous, <{B}>"; rel="next"', {"next": A}),
        (rf'<{A}>; title="a\", <{B}>; rel=\"previous"; rel="next"', {"next": A}),
        (f"<{A}>; title*=UTF-8''a%2Cb; rel=next", {"next": A}),
        (f'<{A}>; rel="next"; rel="previous"', {"next": A}),
        (f'<{A}>; rel="next", <{B}>; rel="next"', {"next": A}),
        ('<https://x/?a=1,2;3&b="q">; rel="next"', {"next": 'https://x/?a=1,2;3&b="q"'}),
        ('<?page_after=x>; rel="next"', {"next": "?page_after=x"}),
        ('<//other.example/x>; rel="next"', {"next": "//other.example/x"}),
        ('<>; rel="next"', {"next": ""}),
        ('<  x  >; rel="next"', {"next": "x"}),
        (f"<{A}>", {}),
        (f"<{A}>; rel", {}),
        (f'<{A}>; rel=""', {}),
        (f'<{A}>; title="next"', {}),
        (f'<{A}>; prerel="next"', {}),
        (f'{A}; rel="next"', {}),
        (f'<{A}; rel="next"', {}),
        ('rel="next"', {}),
        ("", {}),
        (",,, ;;; <<>>", {}),
        (f'garbage, <{A}>; rel="next", , garbage', {"next": A}),
    ],
)
def test_a_link_header(value: str, expected: dict[str, str]) -> None:
    assert links(value) == expected


def test_several_link_headers_count_together() -> None:
    assert links(f'<{B}>; rel="previous"', f'<{A}>; rel="next"') == {"previous": B, "next": A}
    assert links(f'<{A}>; rel="next"', f'<{B}>; rel="next"') == {"next": A}


def test_no_link_header_is_no_link() -> None:
    assert links() == {}
    assert linked((), "next") is None


def test_one_of_several_relations() -> None:
    values = [f'<{A}>; rel="next"', f'<{B}>; rel="prev"']
    assert linked(values, "previous", "prev") == B
    assert linked(values, "last") is None


@pytest.mark.parametrize("value", [f'<{A}>; rel="next', f'<{A}>; title="x; rel=next', f'<{A}>; rel="ne\\'])
def test_an_unterminated_quote_ends_nothing_but_its_own_link(value: str) -> None:
    assert "previous" not in links(value)
    assert links(f'<{B}>; rel="previous", ' + value)["previous"] == B


@pytest.mark.parametrize(
    "unit", [" ", ",", ";", "<", ">", "<>", '"', "\\", "=", "; ", ';a="', '<>"', "<x>;", "\t,", '"\\']
)
@pytest.mark.parametrize("before", ["", f"<{A}>", f"<{A}>; rel=", f'<{A}>; rel="'])
def test_eight_kilobytes_of_garbage_end(unit: str, before: str) -> None:
    garbage = (unit * 8192)[:8192]
    assert "previous" not in links(before + garbage)
    assert links(f'<{B}>; rel="previous", {before}{garbage}')["previous"] == B


pieces = st.lists(
    st.sampled_from(["<", ">", '"', "\\", ",", ";", "=", " ", "\t", "rel", "REL", "next", "prev", A, T, "about:blank"])
    | st.text(st.characters(), max_size=3)
).map("".join)


@given(pieces, st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.just("1")), max_size=2))
@example('<http://[>; rel="next"', [])
@example("<https://x/?page_after=\udcff>; rel=next", [])
@example("<?\udcff>; rel=next", [])
def test_no_header_raises_anything_but_a_decode_error(value: str, requested: list[tuple[str, str]]) -> None:
    for target in [*links(value).values(), value]:
        try:
            query = follow(encoded(requested), target)
        except DecodeError:
            continue
        assert re.fullmatch(r"[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*", query or "")


def test_a_target_that_is_no_url_is_named_in_short() -> None:
    with pytest.raises(DecodeError, match="no URL") as caught:
        follow("", "http://[" + "x\n" * 5000)
    assert caught.value.where == "Link"
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()


REQUESTED: Query = (
    ("page_size", "100"),
    ("expand", "user"),
    ("expand", "trim"),
    ("sampled_at__gte", "2024-01-01T00:00:00Z"),
)


@pytest.mark.parametrize("target", [None, "", "about:blank", "ABOUT:BLANK"])
def test_the_end(target: str | None) -> None:
    assert followed(REQUESTED, target) is None


@pytest.mark.parametrize(
    ("requested", "target", "expected"),
    [
        ((), "https://api.ev.energy/v2/x?page_after=a", (("page_after", "a"),)),
        (REQUESTED, "https://other.example/elsewhere?page_after=a", (*REQUESTED, ("page_after", "a"))),
        (REQUESTED, "?page_after=a", (*REQUESTED, ("page_after", "a"))),
        (REQUESTED, "?page_size=25&page_after=a", (*REQUESTED[1:], ("page_size", "25"), ("page_after", "a"))),
        (
            REQUESTED,
            "?expand=trim.model&page_after=a",
            (REQUESTED[0], REQUESTED[3], ("expand", "trim.model"), ("page_after", "a")),
        ),
        (
            REQUESTED,
            "?x=&page_after=2024-01-01T11%3A11%3A11.1Z",
            (*REQUESTED, ("x", ""), ("page_after", "2024-01-01T11:11:11.1Z")),
        ),
        ((("page_after", "a"), ("x", "1")), "?page_after=b", (("x", "1"), ("page_after", "b"))),
        ((("page_before", "a"), ("x", "1")), "?page_after=b", (("x", "1"), ("page_after", "b"))),
        ((("page_after", "a"), ("x", "1")), "?page_before=b", (("x", "1"), ("page_before", "b"))),
        ((("page", "1"), ("x", "1")), "?page=2", (("x", "1"), ("page", "2"))),
        ((("page_after", "a"),), "?page=2", (("page_after", "a"), ("page", "2"))),
        ((("page_after", "a"),), T, (("page_after", "2024-01-01T11:11:11.1111Z"), ("page_size", "25"))),
        (REQUESTED, "https://api.ev.energy/v2/vehicles", REQUESTED),
        (REQUESTED, "?page_after=a#top", (*REQUESTED, ("page_after", "a"))),
    ],
)
def test_only_the_query_of_a_link_counts_and_replaces_what_has_its_name(
    requested: Query, target: str, expected: Query
) -> None:
    assert followed(requested, target) == expected


@pytest.mark.parametrize(
    "query",
    [
        "page_after=2024-01-01T11:11:11.1111Z",
        "page_after=2024-01-01T11%3A11%3A11.1111%2b00:00&page_size=100",
        "page_after=2024-01-01T11:11:11+00:00",
        "page_after=",
    ],
)
def test_a_cursor_goes_back_as_it_came(query: str) -> None:
    assert follow("page_size=5", f"https://x/?{query}") in (query, f"page_size=5&{query}")


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("page_after=a b", "page_after=a+b"),
        ("page_after=ä", "page_after=%C3%A4"),
        ("page%5Fafter=b", "page_after=b"),
        ("page_after=%zz", "page_after=%25zz"),
        ('page_after="', "page_after=%22"),
        ("&page_after=b&", "page_after=b"),
        ("page_after", "page_after="),
    ],
)
def test_text_that_cannot_stand_in_a_url_is_quoted(query: str, sent: str) -> None:
    assert follow("page_after=a", f"https://x/?{query}") == sent


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
parameters = st.lists(st.tuples(st.sampled_from(["page_after", "page_before", "expand"]) | words, words)).map(tuple)


@given(parameters, parameters)
def test_following_keeps_the_rest_of_the_request(requested: Query, linked: Query) -> None:
    found = followed(requested, f"https://x/?{urlencode(linked)}")
    assert found is not None
    names = {name for name, _ in linked}
    assert found[len(found) - len(linked) :] == linked
    kept = found[: len(found) - len(linked)]
    assert not names & {name for name, _ in kept}
    cursors = {"page_after", "page_before"}
    if names & cursors:
        assert not cursors & {name for name, _ in kept}
    assert [pair for pair in requested if pair[0] not in names | cursors] == [
        pair for pair in kept if pair[0] not in cursors
    ]
