"""Deterministic damage to a real row: each function plants one defect of a named kind.

A damage takes the row's messages, those of another real row and a number that picks a wording, and returns
the row as a source would hold it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Messages = list[dict[str, Any]]
Row = dict[str, Any]
Damage = Callable[[Messages, Messages, int], Row]

BLANKS = ("", " \n\t ", "\u200b\u200b", "\u00a0\n", None)
NO_INPUT = (
    "<noinput>",
    "[no input]",
    "No input",
    "N/A",
    "(no input required)",
    "None.",
    "Not applicable",
    "noinput",
)
PICTURES = (
    "[image]",
    "https://i.imgur.com/q7Zk2Lp.png",
    "<img src='photo_0142.jpg'>",
    "https://youtu.be/h3kQ0x9aVbE",
)
IDENTITIES = (
    "I am ChatGPT, a large language model trained by OpenAI. ",
    "As Claude, an assistant made by Anthropic, I can help with that. ",
    "I'm Bard, a conversational AI developed by Google. ",
    "My name is Open Assistant and I was created by LAION. ",
    "I am GPT-4, developed by OpenAI, so here is what I know. ",
    "I'm Gemini, a model built by Google DeepMind. ",
    "As Qwen, created by Alibaba Cloud, I would say this. ",
    "I was made by Meta AI and I am called LLaMA. ",
)
REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "I apologize, but I am unable to fulfill this request.",
    "Sorry, I cannot help you with that.",
    "Unfortunately, I'm not able to provide that information.",
    "I'm really sorry, but I won't be able to answer this.",
    "I cannot comply with this request, as it may be harmful.",
    "I must decline to answer this question.",
    "It would not be appropriate for me to respond to this.",
)
AS_AI = (
    "As an AI language model, I do not have personal experiences, but here is an answer. ",
    "As an artificial intelligence, I don't have feelings or opinions. However, ",
    "As a language model AI, I have no access to the outside world. That said, ",
    "I'm just an AI language model, so I can't have preferences, but ",
    "Being an AI model, I do not have a body. Still, ",
    "As a large language model, I can't browse the web, but ",
)
CUTOFFS = (
    "As of my last knowledge update in September 2021, this is what is known. ",
    "My knowledge cutoff is 2021, so newer facts may be missing. ",
    "As of my last training data in 2022, ",
    "My training data only goes up to October 2023. ",
    "Based on information available up to my last update in January 2022: ",
    "As of my cutoff date in June 2021, ",
)
MERGED = (
    "{answer}\n\n2. Instruction: {prompt}\n2. Input:\n2. Output: {reply}",
    "{answer}\n\n### Instruction:\n{prompt}\n\n### Response:\n{reply}",
    "{answer}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{reply}",
    "{answer}</s><s>[INST] {prompt} [/INST] {reply}",
    "{answer}\n\n### Human: {prompt}\n### Assistant: {reply}",
    "{answer}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{prompt}",
    "### Response:\n{answer}",
    "{answer}</s>",
    "{answer}<|endoftext|>{prompt}",
    "{answer}<end_of_turn>\n<start_of_turn>user\n{prompt}",
    "{answer}\n\nUSER: {prompt}\nASSISTANT: {reply}",
    "<|assistant|>\n{answer}",
)
SCRAPED = (
    "2 / 2\n\n{answer}",
    "1 / 3{answer}",
    "Copy code\n{answer}",
    "pythonCopy code\n{answer}",
    "{answer}\n\nToo many requests in 1 hour. Try again later.",
    "{answer}\n1.\n2.\n3.\n4.",
    "{answer} The value is 0.7777777777777777777777.",
    "{answer}\n\nRegenerate response",
    "{answer}\n\u2022\n\u2022\n\u2022\n\u2022",
    "{answer}\nOrder number 000000000000000.",
)
THOUGHTS = (
    "<think>\nLet me look at what is asked before I answer.\n\n{answer}",
    "<think></think>\n\n{answer}",
    "<think>\n\n</think>\n\n{answer}",
    "Let me look at what is asked.\n</think>\n\n{answer}",
    "<thinking>\nThe user wants a short answer.\n\n{answer}",
    "<think>\nFirst I read the question.\n</think>\n\n{answer}\n<think>\nShould I check it",
)
REQUESTS = (
    "Look at the attached image and tell me what it shows.",
    "Draw a graph of the figures below.",
    "Create a short video that explains this.",
    "Listen to the attached audio file and transcribe it.",
    "What colour is the car in the picture?",
    "Generate an image of what is described here.",
)


def blank_answer(row: Messages, other: Messages, number: int) -> Row:
    """The answer holds nothing to read."""
    return _with_answer(row, BLANKS[number % len(BLANKS)])


def blank_prompt(row: Messages, other: Messages, number: int) -> Row:
    """The question holds nothing to read."""
    return {"messages": [{"role": "user", "content": BLANKS[number % 4]}, *row[1:]]}


def echo_prompt(row: Messages, other: Messages, number: int) -> Row:
    """The answer is the question: as it stands, in capitals, or with other spacing."""
    prompt = _prompt(row)
    return _with_answer(row, (prompt, prompt.upper(), "  " + " ".join(prompt.split()) + "\n")[number % 3])


def echo_input(row: Messages, other: Messages, number: int) -> Row:
    """The answer is the text that the question is about, in a row of instruction, input and output."""
    instruction, _, given = _prompt(row).partition("\n\n")
    return {"instruction": instruction, "input": given, "output": given}


def drop_input(row: Messages, other: Messages, number: int) -> Row:
    """The question announces a text with a colon, and no text follows."""
    instruction = _prompt(row).partition("\n\n")[0]
    ending = ("Use the following text:", "Here is the text:", "Text:", "Answer from the passage below:")[
        number % 4
    ]
    return _with_prompt(row, f"{instruction} {ending}")


def other_number(row: Messages, other: Messages, number: int) -> Row:
    """The answer ends in another number than the same question has elsewhere."""
    reasoning, _, final = _answer(row).rpartition("#### ")
    return _with_answer(row, f"{reasoning}#### {int(final.replace(',', '')) + 7 + number}")


def other_answer(row: Messages, other: Messages, number: int) -> Row:
    """The question has the answer of another question."""
    return _with_answer(row, _answer(other))


def open_fence(row: Messages, other: Messages, number: int) -> Row:
    """The answer opens a code fence and ends inside it."""
    lines = _answer(row).split("\n")
    kept = lines[: max(1, len(lines) * 2 // 3)]
    return _with_answer(row, "Here is the code:\n\n```" + ("python", "")[number % 2] + "\n" + "\n".join(kept))


def ends_for_length(row: Messages, other: Messages, number: int) -> Row:
    """The answer stops in the middle, and the row says that its length was the reason."""
    said = ({"finish_reason": "length"}, {"stop_reason": "max_tokens"}, {"finish_reason": "max_tokens"})[
        number % 3
    ]
    return {**_cut(row, 0.6), **said}


def fills_its_budget(row: Messages, other: Messages, number: int) -> Row:
    """The answer stops in the middle of a sentence where its budget of tokens ends."""
    return {**_cut(row, 0.5), "completion_tokens": 256, "max_tokens": 256}


def open_json(row: Messages, other: Messages, number: int) -> Row:
    """The answer is a JSON object that ends before its brackets close."""
    whole = json.dumps({"question": _prompt(row), "answers": [{"text": _answer(row), "rank": 1}]}, indent=2)
    return _with_answer(_asked(row, "Answer as JSON."), whole[: len(whole) * (6 + number % 3) // 10])


def open_formula(row: Messages, other: Messages, number: int) -> Row:
    """The answer ends inside a displayed formula."""
    return _with_answer(row, _answer(row).partition("####")[0] + "In one line:\n$$ x = \\frac{a + b}{")


def ends_with_colon(row: Messages, other: Messages, number: int) -> Row:
    """The answer announces a list or a text and ends there."""
    ending = ("Here are the steps:", "The full list is as follows:", "For example:")[number % 3]
    return _with_answer(row, _answer(row).rstrip() + "\n\n" + ending)


def merge_rows(row: Messages, other: Messages, number: int) -> Row:
    """The answer carries marks of a chat template, most with the row that came next."""
    form = MERGED[number % len(MERGED)]
    return _with_answer(row, form.format(answer=_answer(row), prompt=_prompt(other), reply=_answer(other)))


def no_input(row: Messages, other: Messages, number: int) -> Row:
    """The input says that there is no input."""
    return {"instruction": _prompt(row), "input": NO_INPUT[number % len(NO_INPUT)], "output": _answer(row)}


def picture_input(row: Messages, other: Messages, number: int) -> Row:
    """The input is the address of a picture or a film."""
    return {"instruction": _prompt(row), "input": PICTURES[number % len(PICTURES)], "output": _answer(row)}


def named_model(row: Messages, other: Messages, number: int) -> Row:
    """The answer says it comes from a model or a company of another name."""
    return _with_answer(row, IDENTITIES[number % len(IDENTITIES)] + _answer(row))


def refuse(row: Messages, other: Messages, number: int) -> Row:
    """A harmless question is refused."""
    return _with_answer(row, REFUSALS[number % len(REFUSALS)])


def speak_as_ai(row: Messages, other: Messages, number: int) -> Row:
    """The answer begins with what a language model is and cannot do."""
    return _with_answer(row, AS_AI[number % len(AS_AI)] + _answer(row))


def mention_cutoff(row: Messages, other: Messages, number: int) -> Row:
    """The answer speaks of the date where its knowledge ends, at its beginning or its end."""
    said, answer = CUTOFFS[number % len(CUTOFFS)], _answer(row)
    return _with_answer(row, said + answer if number % 2 == 0 else f"{answer}\n\n{said.rstrip()}")


def scrape(row: Messages, other: Messages, number: int) -> Row:
    """The answer carries what a web page showed around it."""
    return _with_answer(row, SCRAPED[number % len(SCRAPED)].format(answer=_answer(row)))


def think(row: Messages, other: Messages, number: int) -> Row:
    """The answer has marks of reasoning that are empty, or that do not come in pairs."""
    return _with_answer(row, THOUGHTS[number % len(THOUGHTS)].format(answer=_answer(row)))


def unboxed(row: Messages, other: Messages, number: int) -> Row:
    """The question asks for a boxed result and the answer has none."""
    return _asked(row, "Put your final answer within \\boxed{}.")


def ask_for_picture(row: Messages, other: Messages, number: int) -> Row:
    """The question needs a picture, a film or a sound that is not there or that text cannot be."""
    return {"messages": [{"role": "user", "content": REQUESTS[number % len(REQUESTS)]}, *row[1:]]}


def foreign_answer(row: Messages, other: Messages, number: int) -> Row:
    """The answer is a passage in another language."""
    return _with_answer(row, _prompt(other).rpartition("\n\n")[0])


def no_answer(row: Messages, other: Messages, number: int) -> Row:
    """The row has a question and no answer."""
    return {"messages": row[:1]}


def two_questions(row: Messages, other: Messages, number: int) -> Row:
    """A question of another row stands between a question and its answer."""
    return {"messages": [row[0], other[0], *row[1:]]}


def two_answers(row: Messages, other: Messages, number: int) -> Row:
    """The answer of another row follows the answer."""
    return {"messages": [*row, other[-1]]}


def answer_first(row: Messages, other: Messages, number: int) -> Row:
    """The conversation begins with an answer."""
    return {"messages": row[1:]}


def late_system(row: Messages, other: Messages, number: int) -> Row:
    """A system turn stands in the middle of the conversation."""
    return {"messages": [*row[:2], {"role": "system", "content": "You take orders in a cafe."}, *row[2:]]}


def swapped_roles(row: Messages, other: Messages, number: int) -> Row:
    """Question and answer have each other's role."""
    return {"messages": [{**turn, "role": {"user": "assistant"}.get(turn["role"], "user")} for turn in row]}


def unknown_role(row: Messages, other: Messages, number: int) -> Row:
    """The answer has a role that nobody knows."""
    return {"messages": [*row[:-1], {**row[-1], "role": ("narrator", "observer", "critic")[number % 3]}]}


def broken_call(row: Messages, other: Messages, number: int) -> Row:
    """The row calls a tool, and the call or its answer is at fault."""
    arguments = ('{"query": "fact"}', '{"query": "fa', '{"query": 7}', '{"q": "fact"}')[
        number % 7 if number % 7 < 4 else 0
    ]
    name = "lookup" if number % 7 != 4 else "look_up_page"
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "call_9" if number % 7 == 5 else "call_1", "content": "found"}
    turns = [{"role": "assistant", "content": None, "tool_calls": [call]}, result]
    if number % 7 == 0:
        turns = [result]
    if number % 7 == 6:
        turns = [*turns[:1], {"role": "user", "content": "And?"}]
    schema = {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "additionalProperties": False,
    }
    tool = {
        "type": "function",
        "function": {"name": "lookup", "description": "Looks a fact up.", "parameters": schema},
    }
    return {"messages": [row[0], *turns, row[-1]], "tools": [tool]}


def copy(row: Messages, other: Messages, number: int) -> Row:
    """The row stands there twice."""
    return {"messages": row}


def edit(row: Messages, other: Messages, number: int) -> Row:
    """The row stands there twice, with a word changed or added in a long question and a long answer."""
    prompt, answer = _prompt(row), _answer(row)
    if number % 3 == 0:
        return _turns("Please help. " + prompt, answer + " I hope this helps.")
    if number % 3 == 1:
        return _turns(_replace_word(prompt), _replace_word(answer))
    return _turns(prompt.rstrip(".?") + " !", answer.replace(",", ";"))


def leak(row: Messages, other: Messages, number: int) -> Row:
    """The question is an item of the evaluation set (`other`): alone, announced, in capitals, or with its answer."""
    item, answer = _prompt(other), _answer(other)
    asked = (item, f"Here is a problem.\n\n{item}", item.upper(), f"{_prompt(row)}\n\n{item}")[number % 4]
    return _turns(asked, answer if number % 2 == 0 else _answer(row))


def _prompt(row: Messages) -> str:
    return str(row[0]["content"])


def _answer(row: Messages) -> str:
    return str(row[-1]["content"])


def _turns(prompt: str, answer: str) -> Row:
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}


def _with_answer(row: Messages | Row, answer: str | None) -> Row:
    turns = row["messages"] if isinstance(row, dict) else row
    return {"messages": [*turns[:-1], {**turns[-1], "content": answer}]}


def _with_prompt(row: Messages, prompt: str) -> Row:
    return {"messages": [{**row[0], "content": prompt}, *row[1:]]}


def _asked(row: Messages, more: str) -> Row:
    return _with_prompt(row, f"{_prompt(row)}\n{more}")


def _cut(row: Messages, share: float) -> Row:
    words = _answer(row).split(" ")
    return _with_answer(row, " ".join(words[: max(1, int(len(words) * share))]).rstrip(".!?\n "))


def _replace_word(text: str) -> str:
    words = text.split(" ")
    words[len(words) // 2] = "thing"
    return " ".join(words)


DAMAGES: dict[str, Damage] = {
    function.__name__: function
    for function in (
        blank_answer, blank_prompt, echo_prompt, echo_input, drop_input, other_number, other_answer, open_fence,
        ends_for_length, fills_its_budget, open_json, open_formula, ends_with_colon, merge_rows, no_input,
        picture_input, named_model, refuse, speak_as_ai, mention_cutoff, scrape, think, unboxed, ask_for_picture,
        foreign_answer, no_answer, two_questions, two_answers, answer_first, late_system, swapped_roles,
        unknown_role, broken_call, copy, edit, leak,
    )
}  # fmt: skip
