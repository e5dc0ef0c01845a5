// What brings a page to life. A page is complete without it.
(function () {
  "use strict";

  const root = document.documentElement;
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (id) => document.getElementById(id);
  const make = (tag, properties, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const say = (words) => { one("said").textContent = words; };

  // What is folded on a narrow screen, when the screen changes -------------------------------------
  for (const details of all("details[data-open-from]")) {
    const wide = matchMedia(details.dataset.openFrom);
    wide.addEventListener("change", () => { details.open = wide.matches; });
  }
  for (const details of all("details.menu, details.toc")) {
    const narrow = () => !matchMedia(details.dataset.openFrom).matches;
    details.addEventListener("click", (event) => {
      if (event.target.closest("a") && narrow()) details.open = false;
    });
    details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open || !narrow()) return;
      details.open = false;
      details.querySelector("summary").focus();
    });
  }

  // Light and dark ----------------------------------------------------------------------------------
  const theme = one("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* the choice ends with the page */ }
    showTheme();
  });
  prefersDark.addEventListener("change", showTheme);
  showTheme();

  // Copying code ------------------------------------------------------------------------------------
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) {
      // Over plain HTTP a page may not use the clipboard itself.
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }
  // A button that copies says so for a moment, to the eye and to a screen reader.
  function copies(button, text, before) {
    const words = button.textContent;
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      before?.();
      await copy(text());
      button.textContent = "Copied";
      button.dataset.done = "";
      say("Copied");
      setTimeout(() => { button.textContent = words; delete button.dataset.done; say(""); }, 2000);
      button.focus();
    });
  }
  for (const block of all("div.sourceCode")) {
    const button = make("button", { type: "button", className: "copy" }, "Copy");
    button.setAttribute("aria-label", "Copy this code");
    copies(button, () => block.querySelector("code").textContent);
    block.append(button);
  }
  for (const button of all("button[data-copies]")) {
    copies(button, () => one(button.dataset.copies).textContent.trim());
  }
  // Without a script the sign beside a heading is a link; with one it is a button that copies the address.
  for (const link of all("a.anchor")) {
    link.role = "button";
    link.setAttribute("aria-label", link.getAttribute("aria-label").replace("Link", "Copy the link"));
    link.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      link.click();
    });
    copies(link, () => link.href, () => history.replaceState(null, "", link.hash));
  }

  // What scrolls sideways can be reached by the keyboard, as soon as it does ---------------------------
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const block of all("pre, .equation")) sized.observe(block);

  // Tabs ------------------------------------------------------------------------------------------
  function choose(tab, focus) {
    const tabset = tab.closest(".panel-tabset");
    for (const each of all('[role="tab"]', tabset)) {
      if (each.closest(".panel-tabset") !== tabset) continue;
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      one(each.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
  }
  for (const list of all('.panel-tabset > [role="tablist"]')) {
    const tabs = all('[role="tab"]', list);
    tabs.forEach((tab, index) => {
      one(tab.getAttribute("aria-controls")).dataset.name = tab.textContent.trim(); // for paper, where all panes show
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const last = tabs.length - 1;
        const target = {
          ArrowRight: index === last ? 0 : index + 1,
          ArrowLeft: index === 0 ? last : index - 1,
          Home: 0,
          End: last,
        }[event.key];
        if (target === undefined) return;
        event.preventDefault();
        choose(tabs[target], true);
      });
    });
    choose(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") || tabs[0]);
    list.parentElement.dataset.ready = "";
  }

  // A link into something hidden shows it ------------------------------------------------------------
  function reveal() {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch (error) { return; }
    const target = id && one(id);
    if (!target) return;
    let hidden = false;
    for (let node = target; node; node = node.parentElement) {
      if (node.matches("details:not([open])")) { node.open = true; hidden = true; }
      if (node.matches('[role="tabpanel"][hidden]')) { choose(one(node.getAttribute("aria-labelledby"))); hidden = true; }
    }
    if (hidden) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  reveal();

  // Paper shows what a screen folds ------------------------------------------------------------------
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all(".callout details:not([open]), .cite:not([open])");
    for (const details of unfolded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  // Where the reader is on the page -------------------------------------------------------------------
  const links = new Map(all(".toc a").map((link) => [one(decodeURIComponent(link.hash.slice(1))), link]));
  links.delete(null);
  function mark() {
    let current = null;
    for (const heading of links.keys()) {
      if (heading.getBoundingClientRect().top < innerHeight / 4) current = heading;
    }
    if (scrollY > 0 && innerHeight + scrollY >= root.scrollHeight - 2) current = [...links.keys()].pop();
    for (const [heading, link] of links) {
      if (heading === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  if (links.size) {
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; mark(); });
    }, { passive: true });
    mark();
  }

  // Search ----------------------------------------------------------------------------------------
  const dialog = one("search");
  const input = one("search-words");
  const status = one("search-status");
  const results = one("search-results");
  const PAGES = 8;
  const PLACES = 3;
  let engine = null;
  let shown = ""; // the words whose results stand in the list

  function load() {
    if (!engine) {
      const base = new URL(root.dataset.root, location.href);
      engine = import(new URL("pagefind/pagefind.js", base).href).then(async (pagefind) => {
        await pagefind.options({ baseUrl: base.pathname, excerptLength: 22 });
        await pagefind.init();
        return pagefind;
      });
    }
    return engine;
  }

  // An excerpt is text in which Pagefind has escaped everything and marked the words found.
  function excerpt(html) {
    const words = make("span", { className: "excerpt" });
    words.innerHTML = html;
    return words;
  }

  function place(found, chapter) {
    const where = make("span", { className: "where" }, found.title);
    const link = make("a", { href: found.url }, where);
    if (found.title !== chapter) link.append(make("span", { className: "chapter-name" }, chapter));
    link.append(excerpt(found.excerpt));
    return make("li", {}, link);
  }

  const score = (found) => found.weighted_locations.reduce((sum, each) => sum + each.balanced_score, 0);

  async function search() {
    const words = input.value.trim();
    if (!words) {
      shown = "";
      results.replaceChildren();
      status.textContent = "";
      return;
    }
    let found;
    try {
      const pagefind = await load();
      found = await pagefind.debouncedSearch(words, {}, 120);
      if (found === null) return; // more has been typed since
      found = await Promise.all(found.results.slice(0, PAGES).map((result) => result.data()));
    } catch (error) {
      engine = null;
      status.textContent = "The search could not be loaded. Reload the page to try again.";
      return;
    }
    if (words !== input.value.trim()) return;
    const rows = found.flatMap((page) => {
      const best = [...page.sub_results].sort((a, b) => score(b) - score(a)).slice(0, PLACES);
      return best.map((each) => place(each, page.meta.title));
    });
    shown = words;
    results.replaceChildren(...rows);
    status.textContent = rows.length
      ? `${rows.length} ${rows.length === 1 ? "place" : "places"} in ${found.length} ${found.length === 1 ? "chapter" : "chapters"}`
      : `Nothing found for “${words}”`;
  }

  function open() {
    if (dialog.open) return;
    const file = location.protocol === "file:";
    input.disabled = file; // before it opens: one that is disabled while it has the focus swallows Escape
    dialog.showModal();
    if (file) {
      status.textContent = "This page was opened from a file, and search works only when a web server hands out the pages. "
        + "In the folder of the book, run “python -m http.server” and open http://localhost:8000 in the browser.";
    } else {
      input.select();
      load().catch(() => { engine = null; });
    }
  }

  one("search-open").addEventListener("click", open);
  one("search-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("#search-results a")) dialog.close();
  });
  input.addEventListener("input", search);
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (shown !== input.value.trim()) await search();
    results.querySelector("a")?.click();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [input, ...all("a", results)];
    const here = stops.indexOf(document.activeElement);
    if (here < 0) return;
    event.preventDefault();
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    stops[Math.max(0, Math.min(stops.length - 1, next))].focus();
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing;
    const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !control) return;
    event.preventDefault();
    open();
  });
})();
