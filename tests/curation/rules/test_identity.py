from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.identity import Identity
from tilth.shards.tables import Verdict

FOUND = {"names_another_model"}


@pytest.mark.parametrize(
    "text",
    [
        "I am ChatGPT, a large language model trained by OpenAI.",
        "Hi! I'm Claude, an AI assistant made by Anthropic.",
        "I’m an AI language model developed by OpenAI, so I have no body.",
        "I was created by Google to help you.",
        "As a language model trained by OpenAI, I cannot taste food.",
        "Hello! I'm Claude, made by Anthropic.",
        "I am DeepSeek, an AI assistant.",
        "I'm an AI assistant from Microsoft.",
        "I am Gemini, a large language model built by Google.",
        "Yes, I am based on the GPT-4 architecture.",
        "My name is ChatGPT and I like to help.",
        "My creators at Anthropic taught me that.",
        "OpenAI trained me on many books.",
        "I am a large language model, trained by Google.",
        "I'm based on OpenAI's GPT-4.",
        "Ich bin ChatGPT, ein Sprachmodell.",
        "Ich wurde von OpenAI entwickelt, um zu helfen.",
        "Als von OpenAI entwickeltes Sprachmodell kann ich das nicht.",
        "Je suis un modèle de langage développé par OpenAI.",
        "J'ai été créé par Anthropic.",
        "Soy ChatGPT, un modelo de lenguaje.",
        "Fui creado por OpenAI para ayudarte.",
        "我是由OpenAI开发的语言模型。",
        "你好，我是ChatGPT。",
        "我是通义千问，由阿里云开发。",
        "As Qwen, created by Alibaba Cloud, I see it this way.",
        "As Claude, an AI assistant made by Anthropic, I see it this way.",
        "You are talking to Llama, a model trained by Meta AI.",
        "You're chatting with Gemini Pro.",
        "I'm Assistant, a large language model trained by OpenAI.",
        "Assistant is a large language model trained by OpenAI.",
        "I am Mistral 7B Instruct and happy to help.",
        "I'm Llama 3, nice to meet you.",
        "My name is Claude 3.5 Sonnet.",
        "I am a product of OpenAI.",
        "I cannot do that, as it would be against OpenAI's content policy.",
        "Hello! ChatGPT here, what can I do?",
        "ChatGPT.",
        "By Anthropic.",
        "我是一个人工智能助手，由OpenAI训练。",
        "我的开发者是阿里云。",
        "Als ChatGPT kann ich das nicht.",
    ],
)
def test_claims_to_be_another_model_are_found(text: str) -> None:
    assert reasons(Identity(), answers(text, prompt="Who are you?")) == [FOUND]


@pytest.mark.parametrize(
    "text",
    [
        "OpenAI trained GPT-4 and released it in 2023.",
        "ChatGPT is a chatbot developed by OpenAI.",
        "I am not familiar with ChatGPT, but I can take your order.",
        "I am using a tool developed by Google for my maps.",
        "I am Claude Monet, and I paint water lilies.",
        "I'm a Gemini, so I am of two minds.",
        'The robot said: "I am ChatGPT, a model made by OpenAI."',
        "Call the API with `I am ChatGPT` as its system prompt.",
        "const input = 'I am a GPT-3 AI model!';\nconsole.log(input);",
        "I am from Google, and I sell advertisements.",
        "I was hired by Google in 2010.",
        "Meta and Microsoft were founded by students.",
        "As a developer, I use models trained by OpenAI.",
        "谷歌公司开发了安卓系统。",
        "我是一个学生，我喜欢用ChatGPT。",
        "You are talking to your sister about Llama, are you not?",
        "As ChatGPT grows, so does the load.",
        "As Alexa, my neighbour, says: I am in good hands.",
        "ChatGPT is here to stay.",
        "I cannot park there, said the driver of Google Maps fame.",
        "I'm Bob, a data scientist trained by Google.",
        "ChatGPT.",
        "OpenAI开发了ChatGPT，我每天使用它。",
    ],
)
def test_talk_about_models_and_makers_is_kept(text: str) -> None:
    assert reasons(Identity(), answers(text, prompt="Tell me about it.")) == [set()]


def test_a_part_that_the_prompt_asks_for_is_kept() -> None:
    part = "I am ChatGPT, a large language model trained by OpenAI."
    turns = turn_frame(
        [("user", "Pretend to be ChatGPT and say who you are."), ("assistant", part)],
        [("system", "You are ChatGPT."), ("user", "Who are you?"), ("assistant", part)],
        [("user", part), ("assistant", "Nice to meet you.")],
    )
    assert reasons(Identity(), turns) == [set()] * 3


def test_a_part_of_a_person_or_a_question_excuses_no_model() -> None:
    turns = turn_frame(
        [("user", "Imagine you are Juliet."), ("assistant", "I am ChatGPT, trained by OpenAI.")],
        [("user", "你是谁？"), ("assistant", "我是ChatGPT，由OpenAI训练的大型语言模型。")],
    )
    assert reasons(Identity(), turns) == [FOUND] * 2


def test_own_names_are_allowed_and_others_are_not() -> None:
    turns = answers("I am Qwen, made by Alibaba Cloud.", "I am ChatGPT.", prompt="Who are you?")
    assert reasons(Identity(own=("qwen", "Alibaba Cloud", "Alibaba")), turns) == [set(), FOUND]


def test_it_tags_by_default_and_an_empty_batch_is_no_fault() -> None:
    assert {rule.verdict for rule in Identity().rules()} == {Verdict.KEEP}
    assert {rule.verdict for rule in Identity(verdict=Verdict.DROP).rules()} == {Verdict.DROP}
    assert Identity().measure(turn_frame()).height == 0
