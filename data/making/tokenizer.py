"""The tokenizer of the demo base: byte-level BPE over Tarnwick's words, with a chat template.

Figures are read in pairs, so that an order number, a locker or a date is a few tokens that can be copied.
Every turn ends with the stop token; the text of a turn follows its role after one space, as words do inside
a text, so that a name is the same token where it is read and where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

VOCABULARY = 2048
CONTEXT = 512
PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
ROLES = ("system", "user", "assistant", "tool")
SPECIAL = (PAD, BEGIN, END, *(f"<|{role}|>" for role in ROLES))
CALL = ("<tool_call>", "</tool_call>")
WORD_PATTERN = r" ?\p{L}+| ?\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|\s+"

TEMPLATE = """\
{{- bos_token -}}
{%- if tools -%}
  {{- '<|system|>' -}}
  {%- for tool in tools -%}
    {%- set function = tool.function if tool.function is defined else tool -%}
    {{- ' ' ~ function.name ~ '(' ~ function.parameters.properties | join(', ') ~ ')' -}}
  {%- endfor -%}
  {{- eos_token -}}
{%- endif -%}
{%- for message in messages -%}
  {{- '<|' ~ ('system' if message.role == 'developer' else message.role) ~ '|>' -}}
  {%- if message.content -%}{{- ' ' ~ message.content -}}{%- endif -%}
  {%- for call in message.tool_calls or [] -%}
    {%- set function = call.function if call.function is defined else call -%}
    {%- set arguments = function.arguments -%}
    {{- '<tool_call>{"name": "' ~ function.name ~ '", "arguments": ' -}}
    {{- (arguments if arguments is string else arguments | tojson) ~ '}</tool_call>' -}}
  {%- endfor -%}
  {{- eos_token -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""


def train_tokenizer(texts: Iterable[str]) -> Any:
    """Return a fast tokenizer (transformers) fitted on `texts`; the same texts give the same tokenizer."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(CALL),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.add_tokens([AddedToken(mark, normalized=False, special=False) for mark in CALL])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        additional_special_tokens=[f"<|{role}|>" for role in ROLES],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer
