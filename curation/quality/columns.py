"""The statistics of a text, in the order in which the kernels write them."""

from __future__ import annotations

# fmt: off
COLUMNS = (
    "characters", "words", "non_symbol_words", "mean_word_length", "hash_ratio", "ellipsis_ratio",
    "bullet_lines", "ellipsis_lines", "alpha_words", "stop_words",
    "duplicate_paragraphs", "duplicate_paragraph_chars", "duplicate_lines", "duplicate_line_chars",
    "top_2gram_chars", "top_3gram_chars", "top_4gram_chars",
    "duplicate_5gram_chars", "duplicate_6gram_chars", "duplicate_7gram_chars",
    "duplicate_8gram_chars", "duplicate_9gram_chars", "duplicate_10gram_chars",
    "lines", "long_word_lines", "unpunctuated_lines", "few_word_lines", "javascript_lines", "policy_lines",
    "kept_lines", "sentences", "lorem_ipsum", "curly_bracket",
    "terminal_lines", "short_lines", "duplicate_text_line_chars", "newlines_per_word",
)
(
    CHARACTERS, WORDS, NON_SYMBOL_WORDS, MEAN_WORD_LENGTH, HASH_RATIO, ELLIPSIS_RATIO,
    BULLET_LINES, ELLIPSIS_LINES, ALPHA_WORDS, STOP_WORDS,
    DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARS, DUPLICATE_LINES, DUPLICATE_LINE_CHARS,
    TOP_2GRAM_CHARS, _, _,
    DUPLICATE_5GRAM_CHARS, _, _, _, _, _,
    LINES, LONG_WORD_LINES, UNPUNCTUATED_LINES, FEW_WORD_LINES, JAVASCRIPT_LINES, POLICY_LINES,
    KEPT_LINES, SENTENCES, LOREM_IPSUM, CURLY_BRACKET,
    TERMINAL_LINES, SHORT_LINES, DUPLICATE_TEXT_LINE_CHARS, NEWLINES_PER_WORD,
) = range(len(COLUMNS))
# fmt: on
