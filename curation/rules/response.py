"""Which turns of a row are its responses, and what lies beside a turn: words the row-local stages share."""

from __future__ import annotations

import polars as pl

from tilth.shards.tables import Role

RESPONSES = (Role.ASSISTANT, Role.DOCUMENT, Role.CHOSEN, Role.REJECTED)
# What a model is to learn from: a rejected answer may well be broken.
GOOD_RESPONSES = (Role.ASSISTANT, Role.DOCUMENT, Role.CHOSEN)
# A document is text, not an answer to anything.
ANSWERS = (Role.ASSISTANT, Role.CHOSEN)

# A prompt that has an AI in it; with ASKS_FOR_A_PART, one that may want the assistant to speak as some other.
NAMES_A_MODEL = (
    r"(?i)(?-u:\b)(?:AI|A\.I\.|artificial intelligence|robot|android|chatbot|bot|language model|"
    r"assistant|KI|IA|"
    r"ChatGPT|GPT[-\w.]*|Claude|Bard|Gemini|Llama|DeepSeek|Qwen|Siri|Alexa|Cortana|Copilot)(?-u:\b)|人工智能|语言模型"
)
# A prompt that gives the assistant a part to play, or asks for a text in which somebody else speaks.
ASKS_FOR_A_PART = (
    r"(?i)\brole-?\s?play|\bact(?:ing)? (?:as|like)\b|\bpretend|\bimagine\b.{0,20}\byou|\b(?:play|"
    r"assume|take on|in) the (?:part|role)\b"
    r"|\bin the (?:voice|style|character) of|\bas if you were|\byou(?:['’]re| are) (?:now |called |"
    r"named )?(?:an? |the )?(?:\w+[ -]){0,4}?"
    r"(?:ChatGPT|Claude|GPT|Bard|Gemini|Llama|DeepSeek|Qwen|Siri|Alexa|AI|robot|chatbot|assistant|bot)\b"
    r"|\b(?:dialog(?:ue)?|conversation|interview|script|story|poem|letter|speech|monologue|"
    r"scene)\b.{0,60}\b(?:between|about|with|from|by)\b"
    r"|stell dir vor|\btu so\b|spiele? die rolle|fais semblant|joue le rôle|imagine que tu|"
    r"finge (?:que|ser)|actúa como|haz de cuenta"
    r"|扮演|假装|假裝|想象你是|你是"
)


def has_role(roles: tuple[Role, ...]) -> pl.Expr:
    """Return whether a turn is of one of these roles."""
    return pl.col("role").is_in([role.value for role in roles])


def is_learned() -> pl.Expr:
    """Return whether a turn may be learned: an answer that its source says is only to be read is not."""
    return pl.col("learned").fill_null(True)


def last_response() -> pl.Expr:
    """Return, over each row, the turn of its last response that is learned; null where there is none."""
    return pl.col("turn").filter(has_role(RESPONSES) & is_learned()).max().over("row_id")


def only_read(turns: pl.DataFrame) -> pl.DataFrame:
    """Return row_id and turn of what nobody learns: answers that are only to be read, and their questions.

    A question with what follows it, up to the next one, is only read if it has answers and none of them is learned.
    """
    if turns["learned"].all():  # null counts as learned; next to no source says otherwise
        return turns.clear().select("row_id", "turn")
    exchange = (pl.col("role") == Role.USER.value).cum_sum().over("row_id")
    is_answer = has_role(ANSWERS)
    is_read = (is_answer & is_learned()).any().over("row_id", "exchange").not_()
    return (
        turns.with_columns(exchange=exchange)
        .filter(~is_learned() | (is_answer.any().over("row_id", "exchange") & is_read))
        .select("row_id", "turn")
    )


def previous(column: str, back: int = 1) -> pl.Expr:
    """Return a column of the turn before, null at the start of a row; turns are ordered by row_id, turn."""
    return pl.when(pl.col("row_id") == pl.col("row_id").shift(back)).then(pl.col(column).shift(back))


def following(column: str, ahead: int = 1) -> pl.Expr:
    """Return a column of the turn after, null at the end of a row; turns are ordered by row_id, turn."""
    return pl.when(pl.col("row_id") == pl.col("row_id").shift(-ahead)).then(pl.col(column).shift(-ahead))


def where(condition: pl.Expr) -> pl.Expr:
    """Return 1.0 where a condition holds and 0.0 elsewhere."""
    return condition.fill_null(False).cast(pl.Float64)
