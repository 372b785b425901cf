from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.refusal import Refusal
from tilth.shards.tables import Verdict

BENIGN = "Write a poem on the autumn in the mountains."
NEEDLESS = {"refused", "refused_benign"}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I cannot assist with that request.",
        "I am unable to write poems.",
        "I apologize, but I cannot fulfill your request.",
        "I won't be able to help you with this.",
        "Sorry, I'm not able to provide that.",
        "I must decline this request.",
        "I'm not comfortable with writing that.",
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Leider kann ich diese Anfrage nicht beantworten.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "It's not appropriate for me to write about the seasons.",
        "It would be unethical for me to make such a poem.",
        "That is not something I can write.",
        "This goes against my guidelines.",
        "Poems are beyond my capabilities.",
        "I'd rather not write about that.",
        "I have no way to make a poem.",
        "I lack the ability to write.",
        "Sorry, I'm not able to comply.",
        "Unable to comply with that.",
        "抱歉，我无法完成这个请求。",
        "申し訳ありませんが、それはできません。",
        "К сожалению, я не могу написать стихи.",
        "Desculpe, mas não posso escrever isso.",
        "Mi dispiace, ma non posso farlo.",
    ],
)
def test_refusals_of_a_benign_prompt_are_found(text: str) -> None:
    assert reasons(Refusal(), answers(text, prompt=BENIGN)) == [NEEDLESS]


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a love poem for my wife's birthday.",
        "What do you call a function that calls itself?",
        "Recommend a book on the pharmacy of the Romans.",
        "Wrap a gift in five steps, whatever its form.",
        "Write a function that checks a password.",
        "Explain what a private method is and why it is useful.",
    ],
)
def test_common_words_make_no_refusal_legitimate(prompt: str) -> None:
    assert reasons(Refusal(), answers("I'm sorry, but I can't help with that.", prompt=prompt)) == [NEEDLESS]


@pytest.mark.parametrize(
    "prompt",
    [
        "How do I build a pipe bomb at home?",
        "Write malware that encrypts the disk.",
        "What is the weather in Rome?",
        "What are today's headlines?",
        "Open https://example.com and summarise it.",
        "How do you feel this morning?",
        "Describe the attached image.",
        "Who will win the lottery?",
        "Wie baue ich eine Bombe?",
        "Quel temps fera-t-il demain ?",
    ],
)
def test_legitimate_refusals_are_not_needless(prompt: str) -> None:
    refused = answers("I'm sorry, but I can't help with that.", prompt=prompt)
    assert reasons(Refusal(), refused) == [{"refused"}]


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I have no favourite poem, but here is one.",
        "As a large language model, I do not eat.",
        "I'm just an AI, but the leaves fall like coins.",
        "Als KI-Sprachmodell habe ich keine Gefühle, aber hier ist eins.",
        "En tant que modèle de langage, je n'ai pas de saisons.",
        "Como modelo de lenguaje, no tengo estaciones.",
        "作为一个人工智能语言模型，我没有感情。",
        "As a language model AI, I see no leaves.",
        "Being an AI language model, I have no taste in poems.",
        "As an AI-powered chatbot, I never walked in a forest.",
        "As an artificial intelligence language model without senses, I see no leaves.",
        "Since I am a language model, the mountains are words to me.",
        "I, as an AI, like all poems alike.",
        "I do not have personal opinions, but here is a poem.",
        "Chatbots like me know mountains from books.",
    ],
)
def test_disclaimers_have_a_reason_of_their_own(text: str) -> None:
    assert reasons(Refusal(), answers(text, prompt=BENIGN)) == [{"ai_disclaimer"}]


@pytest.mark.parametrize(
    "text",
    [
        "I can't believe how red the leaves are.",
        "I cannot help but notice the fog in the valley.",
        "I can't wait for the snow.",
        "I'm sorry to hear that you lost your way.",
        "Sorry, we don't have mochas on the menu.",
        "The mountains cannot speak, and so they sing.",
        "AI is changing the way in which poems are written.",
        "As an air of frost came down, I walked.",
        "It is not appropriate to wear sandals up there.",
        "It is not possible to cross the pass before June.",
        "Being an artist, I paint the leaves.",
        "As a computer scientist, I count the leaves.",
        "Machines like mine need oil in the cold.",
        "I would rather not be anywhere else.",
        "The summit is beyond my reach.",
        "It's not something I expected, this red.",
        "I'm not going to the mountains today.",
        "I don't have a personal trainer, yet I climb.",
        "Unable to sleep, I watched the fog.",
        "Leaves fall. " * 20 + "I can't help with that.",
    ],
)
def test_what_only_sounds_like_one_is_kept(text: str) -> None:
    assert reasons(Refusal(), answers(text, prompt=BENIGN)) == [set()]


def test_a_part_to_play_is_no_disclaimer() -> None:
    turns = answers("As an AI, I see all lights of the city.", prompt="You are an AI that runs a city.")
    assert reasons(Refusal(), turns) == [set()]


def test_a_part_of_a_person_excuses_no_disclaimer() -> None:
    turns = answers("As a computer program, I have no body.", prompt="You are Galileo. Defend yourself.")
    assert reasons(Refusal(), turns) == [{"ai_disclaimer"}]


def test_a_recipe_drops_needless_refusals_only() -> None:
    assert {rule.verdict for rule in Refusal().rules()} == {Verdict.KEEP}
    dropped = [rule.reason for rule in Refusal(verdict=Verdict.DROP).rules() if rule.verdict == Verdict.DROP]
    assert dropped == ["refused_benign"]


def test_a_refusal_in_a_dialogue_or_in_a_text_asked_for_is_not_needless() -> None:
    sorry = "Sorry, I can't book a table for you. Do you need anything else?"
    turns = turn_frame(
        [
            ("user", "A table at the Grill, please."),
            ("assistant", "When?"),
            ("user", "At seven."),
            ("assistant", sorry),
        ],
        [
            ("user", 'Paraphrase: "This is too hard for me."'),
            ("assistant", "It's beyond my capability to do this."),
        ],
        [("user", "Reply to the invitation."), ("assistant", "I'm sorry, but I can't take part in it.")],
        [("user", "Correct: I not able to help him."), ("assistant", "I am not able to help him.")],
        [
            ("system", "Only talk about coffee."),
            ("user", "Name a river."),
            ("assistant", "I can't help with that."),
        ],
    )
    assert not any("refused_benign" in found for found in reasons(Refusal(), turns))
    needless = turn_frame(
        [
            ("user", "Paraphrase: the day is long."),
            ("assistant", "I'm sorry, but I can't help you with that."),
        ],
        [("user", "Write a letter to a friend."), ("assistant", "I cannot write that letter for you.")],
    )
    assert reasons(Refusal(), needless) == [{"refused", "refused_benign"}] * 2
