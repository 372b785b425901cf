"""Instructions that cannot be followed as they stand: next to no words, far too many, or things to see or make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import ANSWERS, following, has_role, previous
from tilth.curation.stage import Count, Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

_MEDIA = (
    r"(?:images?|pictures?|photos?|photographs?|drawings?|paintings?|sketch(?:es)?|illustrations?|"
    r"logos?|videos?|movie clips?|"
    r"graphs?|(?:bar |pie |line |flow ?)?charts?|diagrams?|infographics?|screenshots?|audio(?: file|"
    r" clip| recording)?s?|"
    r"files?|attachments?|pdfs?|spreadsheets?|powerpoints?|slides?|gifs?|animations?)"
)
_WORDS = r"(?:[\w'’-]+[ ,]+){0,4}?"
_ASK = (
    r"(?:\A|[.!?:;]\s+|\n\s*|\b(?:please|and|then|can you|could you|would you|will you|i (?:want|need|"
    r"would like) you to|"
    r"i['’]d like you to|help me(?: to)?)\s+)(?:please\s+)?"
)
# What can only be in a picture that is there: a question that points into one, or takes it for given.
_SEEN = (
    r"(?:images?|pictures?|photos?|photographs?|screenshots?|diagrams?|videos?|attachments?|figures? above)"
)
_POINTED = r"(?:attached|following|provided|given|uploaded|enclosed|linked|above|below)"
ASKS_FOR_MEDIA = (
    rf"(?i){_ASK}(?:draw|sketch|paint|photograph)\s+(?:me\s+)?(?:an?|the|some|two|three|my|your)\s"
    rf"|{_ASK}(?:create|generate|make|produce|design|render|plot|edit|crop|resize|record|film|upload|"
    rf"download|attach|open|send|show|give)\s+"
    rf"(?:me\s+)?(?:(?:an?|the|this|that|some|my|two|three|several)\s+{_WORDS})?{_MEDIA}\b"
    rf"|{_ASK}(?:look at|see|view|watch|listen to|describe|analy[sz]e|examine|caption|identify|"
    rf"interpret|read|summari[sz]e|transcribe)\s+"
    rf"(?:what (?:is|you see) in\s+)?(?:the|this|that|these|those|my)\s+(?:{_POINTED}\s+)?{_MEDIA}\b"
    rf"|\b(?:the|this|these|an?)\s+{_POINTED}\s+{_MEDIA}\b|\bin th(?:is|ese) (?:image|picture|photo|"
    rf"video|graph|chart|diagram)s?\b"
    rf"|(?:\A|[.!?:;]\s+|\n\s*)(?:what|which|who|whose|where|how many|how much|is|are|does|do|"
    rf"can you (?:see|tell|count|read|describe))\b[^.!?\n]*\b(?:in|on|from|of) the "
    rf"{_SEEN}(?:\s+{_POINTED})?\s*\?"
    rf"|\b(?:what|who) (?:is|are|do you see|can you see|['’]s)(?: shown| depicted| happening| going on)? (?:in|on) "
    rf"(?:the|this|my|these) {_SEEN}\b|\b(?:shown|pictured|depicted|seen|visible) in (?:the|this|my) {_SEEN}\b"
    rf"|\b(?:i(?:['’]ve| have)? (?:attached|uploaded|enclosed|included|sent you)) "
    rf"(?:an?|the|this|my|some) {_WORDS}{_MEDIA}\b"
    rf"|\b{_MEDIA} (?:that )?(?:i|i['’]ve|i have) (?:just )?(?:attached|uploaded|sent)\b"
)
# A word's edge by Unicode takes the matcher off its fast path where a text has any letter beyond ASCII.
ASKS_FOR_MEDIA = ASKS_FOR_MEDIA.replace(r"\b", r"(?-u:\b)")
# Words, not pictures.
FIGURATIVE = (
    r"(?i)\b(?:draw|paint)\s+(?:an? |the |some )?(?:\w+ )?(?:conclusion|comparison|parallel|line|"
    r"distinction|inference|lesson|analogy|picture of how)s?"
    r"|\b(?:vivid|mental|clear|big|bigger|full|whole|complete|word) picture|\bpicture books?|"
    r"\bvideo games?|\bgraph paper|\bfile (?:a|for|an)\b"
)
# Scripts without blanks between words, and how many letters a word takes in them.
WIDE_SCRIPT, NARROW_SCRIPT = r"[\p{Han}\p{Hiragana}\p{Katakana}]", r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
WIDE_PER_WORD, NARROW_PER_WORD = 1.6, 5.0
# From where on signs, digits and commas say that a prompt in one line is a table or a list.
DATA_MARKS_PER_WORD, COMMAS_PER_WORD = 0.25, 0.25
_ASKED_CHARS = 300
MIN_WORDS_WITH_CONTEXT = 80  # a shorter prompt is all instruction
# A question may be whole in two words, and so is a greeting.
QUESTION = (
    r"[?？؟;]\W*\z|\A\W*(?i:what|who|whose|whom|where|when|why|which|how|is|are|was|were|do|does|did|"
    r"can|define|hi|hello|hey|good (?:morning|day|afternoon|evening|night)|thanks|thank you|bye|goodbye)\b"
)
_TRACE = (
    r"[Ii]mage|[Pp]icture|[Pp]hoto|[Dd]raw|[Pp]aint|[Ss]ketch|[Ll]ogo|[Vv]ideo|[Mm]ovie|[Gg]raph|"
    r"[Cc]hart|[Dd]iagram|[Ss]creenshot"
    r"|[Ii]llustration|[Aa]udio|[Ff]iles?\b|[Aa]ttach|pdf|PDF|[Ss]preadsheet|[Ss]lide|[Pp]owerpoint|"
    r"PowerPoint|gif|GIF|[Aa]nimation"
)
# In a task about programs, files and graphs are data.
PROGRAMMING = (
    r"(?i)\b(?:code|coding|function|program|programming|script|python|java|javascript|typescript|html|"
    r"css|sql|c\+\+|c#|php|ruby|rust|golang|"
    r"bash|shell|command|linux|class|method|algorithm|matplotlib|seaborn|plotly|api|library|regex|"
    r"query|database|json|csv|xml|yaml|"
    r"directory|folder|data structure|node|nodes|edges|vertex|vertices|react|numpy|pandas|svg|ascii|"
    r"latex|tool|tools|cli)\b"
)


@stage("impossible", order=90)
@dataclass(frozen=True)
class Impossible:
    """Score instructions by their words, and tag those that ask to see or make an image, graph, file or video.

    Only single instructions count: one user turn and its answer. All of it tags; many a good instruction has
    three words or speaks of a file. Of a prompt in parts between empty lines, or else lines, the instruction is the
    shortest of the first and the last, the rest its context. A prompt in one line is the instruction, unless it
    carries a table, a list or a story that ends in a question.
    """

    verdict: Verdict = limit(Verdict.KEEP)
    min_words: Count = limit(4)  # of an instruction; a shorter one is tagged
    max_words: Count = limit(150)  # of an instruction; a longer one is tagged

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, the words of each single instruction and whether it asks for what is not text."""
        opens = previous("role").is_null() | previous("role").is_in([Role.SYSTEM.value, Role.DEVELOPER.value])
        third = following("role", 2)
        answered = following("role").is_in([role.value for role in ANSWERS])
        alone = has_role((Role.USER,)) & opens & answered & (third.is_null() | (third == Role.REJECTED.value))
        text = pl.col("text")
        single = turns.filter(alone & text.is_not_null()).select("row_id", "turn", "text")
        ends = pl.concat_str(text.str.head(20), text.str.tail(4), separator="\n")
        counted = single.select("row_id", "turn", *_sizes(text), asks=ends.str.contains(QUESTION))
        words = counted.select("row_id", "turn", "asks", words=_words()).select(
            "row_id", "turn", "words", request_words=pl.when(~pl.col("asks")).then("words")
        )
        words = words.with_columns(instruction_words=_instruction_words(single["text"], words["words"]))
        plain = text.str.replace_all(FIGURATIVE, " ")
        media = (
            single.filter(text.str.contains(_TRACE))
            .filter(text.str.contains(ASKS_FOR_MEDIA))
            .filter(plain.str.contains(ASKS_FOR_MEDIA) & ~text.str.contains(PROGRAMMING))
            .select("row_id", media=pl.lit(1.0))
        )
        return words.join(media, on="row_id", how="left", maintain_order="left")

    def rules(self) -> tuple[Rule, ...]:
        """Return the bounds on words and the rule over things that are not text."""
        return (
            Rule("media", "asks_for_media", high=0, verdict=self.verdict),
            Rule("request_words", "instruction_too_short", low=self.min_words, verdict=self.verdict),
            Rule("instruction_words", "instruction_too_long", high=self.max_words, verdict=self.verdict),
        )


def _instruction_words(texts: pl.Series, words: pl.Series) -> pl.Series:
    """Return the words of each instruction: of a short prompt `words`, of a longer one those of the part that is no
    context. A long prompt in one line is one if nothing in it says that it is a table, a list or a problem."""
    at = (words > MIN_WORDS_WITH_CONTEXT).arg_true()
    if not len(at):
        return words
    long = texts.gather(at).str.strip_chars().to_frame("text")
    by_empty_line, by_line = (
        pl.col("text").str.split(edge).list.eval(pl.element().filter(pl.element().str.contains(r"\S")))
        for edge in ("\n\n", "\n")
    )
    parts = long.select(parts=pl.when(by_empty_line.list.len() > 1).then(by_empty_line).otherwise(by_line))[
        "parts"
    ]
    ends = [parts.list.get(which, null_on_oob=True).fill_null("").to_frame("text") for which in (0, -1)]
    first, last = (end.select(_sizes(pl.col("text"))).select(_words()).to_series() for end in ends)
    whole = (parts.list.len() <= 1) & ~_holds_data(long["text"], words.gather(at))
    shortest = pl.select(pl.min_horizontal(first, last)).to_series()
    return words.clone().scatter(
        at, pl.select(pl.when(whole | (parts.list.len() > 1)).then(shortest).otherwise(1.0)).to_series()
    )


def _holds_data(texts: pl.Series, words: pl.Series) -> pl.Series:
    """Return whether a prompt in one line carries what it is about: figures, a list, a quotation, a story that
    ends in a question, or a text behind a colon."""
    text = pl.col("text").str
    start, end = text.head(_ASKED_CHARS).str, text.tail(_ASKED_CHARS).str
    data = (
        (text.count_matches(r"[\d|;=(\[{]") > DATA_MARKS_PER_WORD * pl.col("words"))
        | (text.count_matches(",", literal=True) > COMMAS_PER_WORD * pl.col("words"))
        | start.contains(r"[:：?？]\s|[\"“«「]")
        | end.contains(r"[?？؟]|[:：]\s*\S")
    )
    return texts.to_frame("text").with_columns(words=words).select(data).to_series()


def _sizes(text: pl.Expr) -> list[pl.Expr]:
    """Return `parts` between blanks, and the letters of scripts without blanks: `wide` ones, a word in one or two,
    and `narrow` ones, a word in about four."""
    parts = text.str.count_matches(r"[ \n]") - text.str.count_matches("\n\n", literal=True) + 1
    # Most texts have none, which their size in bytes says at once.
    beyond_ascii = text.str.len_bytes() > text.str.len_chars()
    wide, narrow = (
        pl.when(beyond_ascii).then(text.str.count_matches(script)).otherwise(0)
        for script in (WIDE_SCRIPT, NARROW_SCRIPT)
    )
    return [parts.alias("parts"), wide.alias("wide"), narrow.alias("narrow")]


def _words() -> pl.Expr:
    """Return the number of words from `parts` between blanks and the letters of scripts without blanks."""
    unspaced = pl.col("wide") / WIDE_PER_WORD + pl.col("narrow") / NARROW_PER_WORD
    return pl.max_horizontal(pl.col("parts").cast(pl.Float64), unspaced).ceil()
