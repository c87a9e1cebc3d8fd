from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.common.errors import CatscanError
from catscan.raw.patterns import Pattern


class TestMatch:
    @pytest.mark.parametrize(
        ("pattern", "path", "fields"),
        [
            ("train/{label}.{id}.jpg", "train/cat.10.jpg", {"label": "cat", "id": "10"}),
            ("train/{label}/{id}", "train/Sugar beet/0021.png", {"label": "Sugar beet", "id": "0021.png"}),
            ("stage1/{id}/*.dcm", "stage1/00cba/1.dcm", {"id": "00cba"}),
            ("{id}/{channel:FLAIR|T1w}/*", "01/T1w/a.dcm", {"id": "01", "channel": "T1w"}),
            ("**/{id}.png", "a/b/7.png", {"id": "7"}),
            ("**/{id}.png", "7.png", {"id": "7"}),
            ("scans/{id}/**", "scans/p1/b/c.dcm", {"id": "p1"}),
            ("{patient}/{patient}_{id}.png", "p1/p1_left.png", {"patient": "p1", "id": "left"}),
            ("a+b/({id}).png", "a+b/(1).png", {"id": "1"}),
        ],
    )
    def test_fields_are_read(self, pattern: str, path: str, fields: dict[str, str]) -> None:
        match = Pattern(pattern, key="data.train").match(path)

        assert match is not None
        assert match.fields == fields

    @pytest.mark.parametrize(
        ("pattern", "path"),
        [
            ("train/{label}.{id}.jpg", "train/cat.jpg"),
            ("train/{id}.jpg", "train/a/b.jpg"),
            ("train/{id}.jpg", "more/train/b.jpg"),
            ("{id}/{channel:FLAIR|T1w}/*", "01/T1wCE/a.dcm"),
            ("{patient}/{patient}_{id}.png", "p1/p2_left.png"),
            ("train/{id}.jpg", "train/1xjpg"),
        ],
    )
    def test_other_paths_do_not_match(self, pattern: str, path: str) -> None:
        assert Pattern(pattern, key="data.train").match(path) is None

    @given(st.text(alphabet=st.characters(exclude_characters="/", exclude_categories=["C"]), min_size=1))
    def test_any_id_comes_back_as_it_was(self, sample_id: str) -> None:
        match = Pattern("train/{id}/*.dcm", key="data.train").match(f"train/{sample_id}/1.dcm")

        assert match is not None
        assert match.fields == {"id": sample_id}

    @pytest.mark.parametrize("pattern", ["", "train/{id.jpg", "train/{}.jpg", "/train/{id}", "../{id}", "a/{id:x/y}"])
    def test_pattern_that_makes_no_sense_is_refused_with_its_key(self, pattern: str) -> None:
        with pytest.raises(CatscanError, match="A pattern cannot be understood") as refused:
            Pattern(pattern, key="data.test")

        assert "data.test" in refused.value.where
        assert repr(pattern) in refused.value.found

    def test_pattern_without_an_id_is_refused(self) -> None:
        with pytest.raises(CatscanError, match="does not say what the id") as refused:
            Pattern("train/{name}.jpg", key="data.train")

        assert refused.value.where == "config key data.train"
