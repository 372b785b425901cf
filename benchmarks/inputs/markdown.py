"""Pages of Markdown in a known language: sentences of one language, wrapped in what such pages are made of.

Code, addresses, keys and tags are English or nothing, as they are on real pages; all prose is in the language.
"""

from __future__ import annotations

import random

_CODE = (
    ("python", 'def read_rows(path):\n    """Return all rows of the file."""\n    with open(path) as file:\n'
     "        return [line.strip() for line in file if line]\n"),
    ("javascript", "const server = http.createServer((request, response) => {\n  response.end('hello world');\n});"),
    ("sql", "SELECT name, count(*) FROM customers\nWHERE country = 'here' GROUP BY name ORDER BY name;"),
    ("bash", "sudo apt-get install the-package\ngit clone https://example.org/project.git && cd project"),
    ("yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: the-service\n  labels: {app: web}"),
    ("c", "#include <stdio.h>\nint main(void) { printf(\"the answer is %d\\n\", 42); return 0; }"),
    ("", "$ make install\n==> Installing all of the files into /usr/local/bin ... done"),
)  # fmt: skip
_INLINE = (
    "`pip install --upgrade everything`",
    "`the_list.append(item)`",
    "`kubectl get pods --all-namespaces`",
)
_LINKS = (
    "https://www.example.org/the/best/page-of-all?with=query", "../guides/getting-started.md", "#how-to-begin",
    "https://github.com/some-one/some-project/issues/12",
)  # fmt: skip
_FRONT = "---\ntitle: page-{n}\nslug: /the/{n}/page\nweight: {n}\ndraft: false\n---\n\n"


def page(sentences: list[str], draw: random.Random) -> str:
    """Return one page of these sentences; `draw` decides what they are wrapped in."""
    said = iter(sentences)
    blocks = [_block(sentence, said, draw) for sentence in said]
    for _ in range(draw.randint(1, 2)):
        name, code = draw.choice(_CODE)
        fence = draw.choice(("```", "~~~"))
        blocks.insert(draw.randint(0, len(blocks)), f"{fence}{name}\n{code}\n{fence}")
    front = _FRONT.format(n=draw.randint(1, 99)) if draw.random() < 0.5 else ""
    return front + "\n\n".join(blocks) + "\n"


def _block(sentence: str, said: object, draw: random.Random) -> str:
    """Wrap a sentence, and perhaps the next of `said`, in one kind of block."""
    following = next(said, "")  # type: ignore[call-overload]
    link = draw.choice(_LINKS)
    first, _, rest = sentence.partition(" ")
    return draw.choice(
        (
            f"{'#' * draw.randint(1, 4)} {sentence}\n\n{following}",
            f"* {sentence}\n* {following or sentence}\n* {draw.choice(_INLINE)}",
            f"1. {sentence}\n2. {following or sentence}",
            f"| {first} | `key` |\n|---|---|\n| {sentence} | `value_of_the_key` |\n| {following} | 42 |",
            f"[{first}]({link}) {rest} {draw.choice(_INLINE)}\n{following}",
            f"![{sentence}](images/the-picture.png)\n\n{following}",
            f"> {sentence}\n>\n> **{following}**" if following else f"> {sentence}",
            f'<div class="note">\n<p>{sentence}</p>\n<!-- to be checked by the team -->\n</div>\n\n{following}',
            f"{sentence} {link if link.startswith('http') else ''} _{following}_" if following else sentence,
            f"{sentence}&nbsp;<code>the_value = other_value</code><br/>\n{following}",
        )
    )


def pages(texts: list[str], count: int, sentences: int, seed: int) -> list[str]:
    """Return `count` pages of `sentences` sentences each, drawn without order from `texts`."""
    draw = random.Random(seed)
    return [page(draw.sample(texts, sentences), draw) for _ in range(count)]
