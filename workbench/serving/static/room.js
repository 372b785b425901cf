// Keys, live curves and sliders. Everything works without this file too, with forms and links.
"use strict";
(() => {
  const typing = (at) => at.closest("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select");

  const press = (key) => {
    const at = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (!at) return false;
    if (at.tagName === "BUTTON") at.click();
    else if (at.tagName === "DETAILS") { at.open = true; [...at.querySelectorAll("textarea")].pop()?.focus(); }
    else { at.focus(); at.select?.(); }
    return true;
  };

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && at.tagName === "TEXTAREA") {
      event.preventDefault();
      at.closest("details")?.querySelector("button[value=repair]")?.click();
      return;
    }
    if (event.key === "Escape" && typing(at)) { at.blur(); return; }
    // Enter in a note decides nothing: the first button would.
    if (event.key === "Enter" && at.name === "note" && at.closest("#judge")) { event.preventDefault(); at.blur(); return; }
    if (event.key === "Enter" && at.name === "label") {
      event.preventDefault();
      at.closest("form").querySelector("button[value=relabel]").click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(at)) return;
    const follow = { "/": () => document.getElementById("q")?.focus(), n: () => document.querySelector("a[rel=next]")?.click(), p: () => document.querySelector("a[rel=prev]")?.click() };
    if (press(event.key)) event.preventDefault();
    else if (event.key in follow && follow[event.key] && document.querySelector("#q")) { event.preventDefault(); follow[event.key](); }
  });

  // A refusal is shown where the card stood, not swallowed.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 400) { event.detail.shouldSwap = true; event.detail.isError = false; event.detail.selectOverride = "main"; }
  });
  document.addEventListener("htmx:afterSwap", () => {
    const card = document.querySelector("[data-card] h1");
    if (card) { window.scrollTo(0, 0); card.tabIndex = -1; card.focus({ preventScroll: true }); }
  });

  document.addEventListener("input", (event) => {
    if (event.target.type === "range") event.target.parentElement.querySelector("output").value = event.target.value;
  });
  // A bound that was not moved is not asked for.
  document.addEventListener("submit", (event) => {
    for (const one of event.target.querySelectorAll("input[type=range]")) one.disabled = Number(one.value) === Number(one.dataset.said);
  });

  const curves = document.querySelector("[data-events]");
  if (curves) {
    const source = new EventSource(curves.dataset.events);
    source.addEventListener("grown", () => htmx.ajax("GET", curves.dataset.curves, { target: "#curves", swap: "innerHTML" }));
    source.addEventListener("done", () => { source.close(); location.reload(); });
  }
  const again = document.querySelector("[data-again]");
  if (again) setTimeout(() => location.reload(), Number(again.dataset.again));
})();
