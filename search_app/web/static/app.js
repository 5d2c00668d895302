// Shortens the way on pages that work without it: completions in the search box, filters that search at once, a count
// on the button where filters are folded away. Everything it sends is what the form would send.
"use strict";

const form = document.getElementById("search");
const box = document.getElementById("q");
const WIDE = matchMedia("(min-width: 62rem)");
const WAIT_MS = 120;
const LEFT = "left-at";
const WORDS = JSON.parse(document.currentScript.dataset.words ?? "{}");

/** Say a text in the language of the page, its {names} filled in. */
const say = (text, values = {}) => (WORDS[text] ?? text).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** Make an element with attributes and text. */
function make(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** Fetch JSON from an address beside the form's, one request at a time; undefined where that fails. */
function asker(name) {
  let running;
  return async (parameters) => {
    running?.abort();
    running = new AbortController();
    try {
      const answer = await fetch(`${new URL(name, form.action)}?${parameters}`, { signal: running.signal });
      return answer.ok ? await answer.json() : undefined;
    } catch {
      return undefined;
    }
  };
}

const articles = (count) => say(count === 1 ? "{count} article" : "{count} articles", { count: count.toLocaleString("en") });

const status = make("p", { class: "unseen", role: "status" });
form.append(status);

// What a form sends without having been filled in says nothing.
form.addEventListener("formdata", ({ formData }) => {
  for (const name of [...new Set(formData.keys())]) {
    const told = formData.getAll(name).filter((value) => value.trim() && !(name === "context_match" && value === "all"));
    formData.delete(name);
    for (const value of told) formData.append(name, value);
  }
});

// Browsers bring back ticks that led away from a page; the page's address does not have them.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward") form.reset();
});

function setUpCompletions() {
  const list = make("ul", { id: "completions", class: "completions", role: "listbox", "aria-label": say("Completions"), hidden: "" });
  const ask = asker("api/suggest");
  let options = [];
  let chosen = -1;
  let timer;

  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) box.setAttribute(name, value);
  box.after(list);

  function close() {
    clearTimeout(timer);
    options = [];
    chosen = -1;
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function choose(position) {
    chosen = position;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
    if (chosen < 0) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  }

  function take({ text, kind }) {
    close();
    if (kind === "word") {
      box.value = box.value.replace(/\S*$/, "") + text;
    } else {
      box.value = "";
      form.append(make("input", { type: "hidden", name: kind, value: text }));
    }
    form.requestSubmit();
  }

  function show(found) {
    options = found;
    choose(-1);
    list.replaceChildren(...found.map((option, number) => {
      const item = make("li", { id: `completion-${number}`, role: "option", "aria-selected": "false" });
      const kind = option.kind === "word" ? "" : `${say(option.kind)}, `;
      item.append(make("bdi", {}, option.text), make("small", {}, kind + articles(option.count)));
      item.addEventListener("mousedown", (event) => event.preventDefault());
      item.addEventListener("click", () => take(option));
      return item;
    }));
    list.hidden = !found.length;
    box.setAttribute("aria-expanded", String(found.length > 0));
    const count = found.length;
    status.textContent = count ? say(count === 1 ? "{count} completion" : "{count} completions", { count }) : "";
  }

  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (event.isComposing) return;
    const typed = box.value;
    if (typed.trim().length < 2) return close();
    timer = setTimeout(async () => {
      const answer = await ask(new URLSearchParams({ q: typed }));
      if (answer && box.value === typed && document.activeElement === box) show(answer.suggestions);
    }, WAIT_MS);
  });
  box.addEventListener("keydown", (event) => {
    const count = options.length;
    if (event.isComposing || !count) return;
    if (event.key === "ArrowDown") choose(chosen + 1 < count ? chosen + 1 : -1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? count - 1 : chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) take(options[chosen]);
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", close);
  form.addEventListener("submit", close);
}

function setUpFilters(filters) {
  const buttons = filters.querySelectorAll(".apply button");
  const apply = buttons[0].textContent;
  const ask = asker("api/search");

  filters.addEventListener("change", async ({ target }) => {
    if (target.type !== "checkbox" && target.type !== "radio") return;
    if (WIDE.matches) {
      // The next page begins where this one was left.
      sessionStorage.setItem(LEFT, JSON.stringify({ name: target.name, value: target.value, y: scrollY }));
      return form.requestSubmit();
    }
    const parameters = new URLSearchParams(new FormData(form));
    parameters.set("per_page", "1");
    const answer = await ask(parameters);
    if (!answer) return;
    // Closest matches are not counted among the articles that have all the words.
    const total = answer.relaxed ? "" : articles(answer.total);
    for (const button of buttons) button.textContent = total ? say("Show {articles}", { articles: total }) : apply;
    status.textContent = total;
  });
  for (const group of filters.querySelectorAll("fieldset")) {
    if (group.querySelector("[type=checkbox]")) group.setAttribute("aria-describedby", "at-once");
  }
  filters.prepend(make("p", { id: "at-once", class: "unseen" }, WIDE.matches ? say("Ticking a box searches at once.") : say("The button below tells how many articles are left.")));

  const left = JSON.parse(sessionStorage.getItem(LEFT) || "null");
  sessionStorage.removeItem(LEFT);
  if (!left) return;
  const control = [...filters.querySelectorAll("input")].find((input) => input.name === left.name && input.value === left.value);
  control?.focus({ preventScroll: true });
  scrollTo(0, left.y);
}

// The key that leads to the search box, unless it is typed into something.
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]")) return;
  event.preventDefault();
  box.focus();
  box.select();
});

setUpCompletions();
const filters = document.querySelector(".filters");
if (filters) setUpFilters(filters);
