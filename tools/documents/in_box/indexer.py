"""Keeps an index of passages (tantivy, BM25) and answers queries, a line of JSON each.

Input: a line {"rerank": whether}, then one for each passage [text, title, document, corpus]. A query is words; none of
them is read as syntax but "quoted words", which a hit must hold in that order. Where it re-ranks, the best passages by
BM25 are put in the order of both their ranks, by BM25 and by nearness in meaning (reciprocal rank fusion, Cormack et
al. 2009); none is found that BM25 does not find.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

MAX_TERMS = 64
RERANKED = 16
_RANK_DAMPING = 60
_NEARNESS_WEIGHT = 2  # beside 1 for the rank by words
_TITLE_WEIGHT = 1.5
_HEAP_BYTES = (
    256_000_000  # one segment for all that the host lets through: equal scores then come in one order
)
# Scripts that put no spaces between words are indexed by character.
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")


def main(channel: Any) -> None:
    try:
        index = Index()
        count = index.fill()
    except ImportError as error:
        channel.send(json.dumps({"missing": str(error.name)}).encode())
        return
    channel.send(json.dumps({"indexed": count}).encode())
    while (line := channel.receive()) is not None:
        channel.send(json.dumps(index.search(json.loads(line))).encode())


def spaced(text: str) -> str:
    return _UNSPACED.sub(r" \1 ", text)


class Index:
    def __init__(self) -> None:
        import tantivy

        self._tantivy = tantivy
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("body", tokenizer_name="words")
        schema.add_text_field("title", tokenizer_name="words")
        schema.add_text_field("document", tokenizer_name="raw", index_option="basic")
        schema.add_text_field("corpus", tokenizer_name="raw", index_option="basic")
        schema.add_integer_field("place", fast=True)
        self._schema = schema.build()
        self._index = tantivy.Index(self._schema)
        one = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.remove_long(80))
        one = one.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold())
        self._words = one.filter(tantivy.Filter.stemmer("english")).build()
        self._index.register_tokenizer("words", self._words)

        self._nearness: Any = None
        self._texts: list[str] = []

    def fill(self) -> int:
        if json.loads(sys.stdin.buffer.readline())["rerank"]:
            from tools.documents.in_box.nearness import Nearness

            self._nearness = Nearness()
        writer = self._index.writer(_HEAP_BYTES, 1)
        count = 0
        for line in sys.stdin.buffer:
            body, title, document, corpus = json.loads(line)
            if self._nearness is not None:
                self._texts.append(f"{title}\n{body}" if title else body)
            fields = {"body": spaced(body), "title": spaced(title), "document": document, "corpus": corpus}
            writer.add_document(self._tantivy.Document(**fields, place=count))
            count += 1
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        return count

    def search(self, asked: dict[str, Any]) -> dict[str, Any]:
        query = self._query(asked["query"], asked.get("within") or {})
        if query is None:
            return {"hits": []}
        # More than asked for, so that passages of one score are told apart by their place alone.
        found = self._searcher.search(query, asked["limit"] + 32, count=False).hits
        places: list[Any] = self._searcher.fast_field_values("place", [address for _, address in found])
        hits = sorted((-round(score, 4), place) for (score, _), place in zip(found, places, strict=True))
        if self._nearness is None:
            return {"hits": [[place, -score] for score, place in hits[: asked["limit"]]]}
        first = [(place, -score) for score, place in hits[: max(RERANKED, asked["limit"])]]
        return {"hits": self._reranked(asked["query"], first)[: asked["limit"]]}

    def _reranked(self, query: str, hits: list[tuple[int, float]]) -> list[list[float]]:
        near = self._nearness.of(query, [(place, self._texts[place]) for place, _ in hits])
        order = sorted(range(len(hits)), key=lambda index: (-round(near[index], 4), hits[index][0]))
        rank = {index: number for number, index in enumerate(order)}
        fused = sorted(
            range(len(hits)),
            key=lambda index: (
                -1 / (_RANK_DAMPING + index) - _NEARNESS_WEIGHT / (_RANK_DAMPING + rank[index]),
                index,
            ),
        )
        return [[hits[index][0], hits[index][1], round(near[index], 4)] for index in fused]

    def _query(self, text: str, within: dict[str, str]) -> Any:
        kinds, queries = self._tantivy.Occur, self._tantivy.Query
        phrases = [words for part in re.findall(r'"([^"]+)"', text) if (words := self._terms(part))]
        words = list(dict.fromkeys(self._terms(text.replace('"', " "))))[:MAX_TERMS]
        if not words:
            return None
        wanted = [(kinds.Should, self._term("body", word)) for word in words]
        wanted += [
            (kinds.Should, queries.boost_query(self._term("title", word), _TITLE_WEIGHT)) for word in words
        ]
        parts = [(kinds.Must, queries.boolean_query(wanted))]
        parts += [(kinds.Must, self._phrase(phrase[:MAX_TERMS])) for phrase in phrases[:8]]
        for field in ("document", "corpus"):
            if within.get(field):
                exact = queries.const_score_query(self._term(field, within[field]), 0.0)
                parts.append((kinds.Must, exact))
        return queries.boolean_query(parts)

    def _terms(self, text: str) -> list[str]:
        return list(self._words.analyze(spaced(text)))

    def _term(self, field: str, word: str) -> Any:
        return self._tantivy.Query.term_query(self._schema, field, word)

    def _phrase(self, words: list[Any]) -> Any:
        if len(words) == 1:
            return self._term("body", words[0])
        return self._tantivy.Query.phrase_query(self._schema, "body", words)
