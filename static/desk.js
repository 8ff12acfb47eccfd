"use strict";
// Progressive enhancement of the desk: every page works without it.
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];

// Replace the named parts of the page by those of another address: search as you type, drawers, baskets.
let asking = null;
async function swap(url, parts) {
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(url, { signal: asking.signal, headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) { location.href = url; return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts.split(" ")) {
      const fresh = page.getElementById(part);
      const old = document.getElementById(part);
      if (!fresh || !old) { location.href = url; return; }
      old.replaceWith(fresh);
    }
    history.replaceState(null, "", url);
    begin();
  } catch (error) {
    if (error.name !== "AbortError") location.href = url;
  }
}
const address = (form, by) => {
  const data = new URLSearchParams(new FormData(form));
  if (by?.name) data.append(by.name, by.value);
  return `${form.action.split("?")[0]}?${data}`;
};
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get" && form.dataset.swap) {
    event.preventDefault();
    swap(address(form, event.submitter), form.dataset.swap);
  } else if (form.method === "post") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  }
});
window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => delete form.dataset.sent));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey && innerWidth > 1180) {
    event.preventDefault();
    mark(link.closest("[data-row]"));
    swap(link.href, link.dataset.swap);
  }
  for (const menu of $$("details.me[open], .bottom details[open]")) if (!menu.contains(event.target)) menu.open = false;
});
let typing = 0;
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (event.target.dataset.typing !== undefined && !event.isComposing) {
    clearTimeout(typing);
    typing = setTimeout(() => swap(address(form), form.dataset.swap), 250);
  }
  if (form?.dataset.preview !== undefined) preview(form);
  if (event.target.dataset.digits !== undefined) {
    const digits = event.target.value.replace(/\D/g, "");
    if (digits.length === Number(event.target.dataset.digits)) form.requestSubmit();
  }
});

// The card beside the activity editor.
function preview(form) {
  for (const spot of $$("[data-of]")) {
    const input = form.elements[spot.dataset.of];
    if (!input) continue;
    const option = input.selectedOptions?.[0] ?? $(`[name="${spot.dataset.of}"]:checked`, form);
    const words = option ? option.dataset.words ?? option.value : input.value.trim();
    spot.textContent = words || spot.dataset.none || "";
    const whole = spot.closest("[data-whole]");
    if (whole) whole.hidden = !words;
  }
}

// Approvals: choosing, counting, keys.
const rows = () => $$("[data-row]");
const current = () => $("[data-row].now") ?? null;
const boxes = () => $$(".row-check");
function mark(row) {
  if (!row) return;
  current()?.classList.remove("now");
  row.classList.add("now");
  row.scrollIntoView({ block: "nearest" });
}
function count() {
  const chosen = boxes().filter((box) => box.checked);
  const sum = chosen.reduce((total, box) => total + Number(box.dataset.cost), 0) / 100;
  for (const spot of $$("[data-chosen]")) {
    spot.textContent = spot.dataset[chosen.length ? "some" : "none"].replace("{n}", chosen.length).replace("{sum}", sum);
  }
  for (const button of $$("[data-needs-choice]")) button.disabled = !chosen.length;
  const all = $("[data-all]");
  if (all) { all.checked = chosen.length > 0 && chosen.length === boxes().length; all.indeterminate = chosen.length > 0 && !all.checked; }
}
function chooseClean() {
  boxes().forEach((box) => { box.checked = box.dataset.clean !== undefined; });
  count();
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) boxes().forEach((box) => { box.checked = event.target.checked; });
  if (event.target.matches(".row-check, [data-all]")) count();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-choose-clean]")) { event.preventDefault(); chooseClean(); }
});
let opening = 0;
function move(step) {
  const all = rows();
  const next = all[Math.min(Math.max(all.indexOf(current()) + step, 0), all.length - 1)];
  mark(next);
  const link = next && $("a[data-swap]", next);
  clearTimeout(opening);
  if (link) opening = setTimeout(() => swap(link.href, link.dataset.swap), 120);
}
const press = (name) => $(`[data-key="${name}"]`)?.click();
const KEYS = {
  j: () => move(1), k: () => move(-1),
  x: () => { const box = current() && $(".row-check", current()); if (box) { box.checked = !box.checked; count(); } },
  X: chooseClean, a: () => press("a"), A: () => press("A"), r: () => press("r"), z: () => press("z"),
};
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "Escape") $$("details[open].me, .bottom details[open]").forEach((menu) => { menu.open = false; });
  if (event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea")) return;
  if (event.key === "/") { event.preventDefault(); $("[data-slash]")?.focus(); return; }
  if (rows().length || $("[data-key]")) KEYS[event.key]?.();
});
document.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.matches(".fold")) $("input:not([type=hidden])", event.target)?.focus();
}, true);

// Whatever runs by the clock, and after each swap.
function begin() {
  count();
  $$("form[data-preview]").forEach(preview);
  const waiting = $("[data-refresh]");
  if (waiting && !waiting.dataset.on) {
    waiting.dataset.on = "1";
    setTimeout(() => waiting.isConnected && swap(location.href, waiting.dataset.refresh), 3000);
  }
}
for (const undo of $$("[data-seconds]")) {
  const end = Date.now() + Number(undo.dataset.seconds) * 1000;
  const tick = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) { $("[data-left]", undo).textContent = left; return; }
    clearInterval(tick);
    undo.remove();
  }, 250);
}
begin();
