"use strict";
// All works without this; it saves taps.
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const on = (kind, act, capture) => document.addEventListener(kind, act, capture);

// Replace parts of the page by those of another address.
let asking = null;
async function swap(url, parts) {
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(url, { signal: asking.signal });
    if (!answer.ok || answer.redirected) throw answer;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts.split(" ")) document.getElementById(part).replaceWith(page.getElementById(part));
    history.replaceState(null, "", url);
    begin();
  } catch (error) {
    if (error.name !== "AbortError") location.href = url;
  }
}
function ask(form, by) {
  const data = new URLSearchParams(new FormData(form));
  if (by?.name) data.append(by.name, by.value);
  return swap(`${form.action.split("?")[0]}?${data}`, form.dataset.swap);
}
// Enter goes on to the one that was found.
async function find(form, by) {
  await ask(form, by);
  const found = "one" in form.dataset ? $$(`#${form.dataset.swap} a`) : [];
  if (found.length === 1) location.href = found[0].href;
}
on("submit", (event) => {
  const form = event.target;
  if (form.method === "get" && form.dataset.swap) {
    event.preventDefault();
    clearTimeout(later);
    find(form, event.submitter);
  } else if (form.method === "post") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  }
});
let later = 0;
const soon = (act, wait) => { clearTimeout(later); later = setTimeout(act, wait); };
on("input", (event) => {
  const { form, dataset, value } = event.target;
  if ("typing" in dataset && !event.isComposing) soon(() => ask(form), 250);
  if (form && "preview" in form.dataset) preview(form);
  if (dataset.digits && value.replace(/\D/g, "").length === Number(dataset.digits)) form.requestSubmit();
});
on("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (link && innerWidth > 1180 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    mark(link.closest("[data-row]"));
    swap(link.href, link.dataset.swap);
  }
  const row = event.target.closest("tr[data-open]");
  const taken = event.target.closest("a, button, input, label, select, summary") || event.metaKey || event.ctrlKey || event.shiftKey;
  if (row && !taken && getSelection().isCollapsed) $("td.main a", row)?.click();
  if (event.target.closest("[data-choose-clean]")) { event.preventDefault(); chooseClean(); }
  menus((menu) => !menu.contains(event.target));
});
const menus = (which) => $$("details.me[open], .bottom details[open]").filter(which).forEach((menu) => { menu.open = false; });

// The card beside the activity editor.
function preview(form) {
  for (const spot of $$("[data-of]")) {
    const input = form.elements[spot.dataset.of];
    const option = input.selectedOptions?.[0] ?? (input.length && [...input].find((one) => one.checked));
    const words = option ? option.dataset.words : input.value.trim();
    spot.textContent = words || spot.dataset.none || "";
    const whole = spot.closest("[data-whole]");
    if (whole) whole.hidden = !words;
  }
  const spot = $("[data-date-of]");
  const day = new Date(`${form.elements[spot.dataset.dateOf].value}T00:00`);
  if (!isNaN(day)) spot.textContent = `${day.getMonth() + 1} 月 ${day.getDate()} 日 周${"日一二三四五六"[day.getDay()]}`;
}

// Approvals: choosing, counting, keys.
const current = () => $("[data-row].now");
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
  for (const box of boxes()) box.checked = "clean" in box.dataset;
  count();
}
on("change", ({ target }) => {
  if (target.matches("[data-all]")) for (const box of boxes()) box.checked = target.checked;
  if (target.matches(".row-check, [data-all]")) count();
});
function move(step) {
  const rows = $$("[data-row]");
  const next = rows[Math.min(Math.max(rows.indexOf(current()) + step, 0), rows.length - 1)];
  mark(next);
  const link = next && $("a[data-swap]", next);
  if (link) soon(() => swap(link.href, link.dataset.swap), 120);
}
const KEYS = { j: () => move(1), k: () => move(-1), x: () => $(".now .row-check")?.click(), X: chooseClean };
on("keydown", (event) => {
  if (event.key === "Escape") menus(() => true);
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea")) return;
  if (event.key === "/") { event.preventDefault(); $("[data-slash]")?.focus(); return; }
  const act = KEYS[event.key] ?? (() => $(`[data-key="${CSS.escape(event.key)}"]`)?.click());
  if ($("[data-row], [data-key]")) act();
});
on("toggle", ({ target }) => { if (target.open && target.matches(".fold")) $("form :is(input, select):not([type=hidden])", target)?.focus(); }, true);

// By the clock, and after each swap.
function begin() {
  count();
  $$("form[data-preview]").forEach(preview);
  const waiting = $("[data-refresh]:not([data-on])");
  if (waiting) {
    waiting.dataset.on = "1";
    setTimeout(() => waiting.isConnected && swap(location.href, waiting.dataset.refresh), 3000);
  }
}
for (const undo of $$("[data-seconds]")) {
  const end = Date.now() + Number(undo.dataset.seconds) * 1000;
  const tick = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    $("[data-left]", undo).textContent = left;
    if (left <= 0) { clearInterval(tick); undo.remove(); }
  }, 250);
}
$(".console-top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
begin();
