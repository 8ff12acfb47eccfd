// Small comforts of the residents' pages. Everything works without this file.
"use strict";

// form.elements holds the buttons of the dock too, which name their form from outside it.
const buttonsOf = (form) => [...form.elements].filter((field) => field.tagName === "BUTTON");

// One tap, one request: a form that is on its way cannot be sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  // Disabled only after the browser has taken the button's own name and value.
  setTimeout(() => {
    for (const button of buttonsOf(form)) button.disabled = true;
  });
});

// Coming back by the back key shows a page that can be used again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of buttonsOf(form)) button.disabled = false;
  }
});

// A button names the choice that was made: <input type="radio" data-act="报名来帮忙">.
const act = document.querySelector("[data-names-choice]");
if (act) {
  const name = () => {
    const chosen = document.querySelector("[data-act]:checked");
    if (chosen) act.textContent = chosen.dataset.act;
  };
  document.addEventListener("change", name);
  name();
}

// A choice that changes the page (another quantity) is sent at once; its button is for those without script.
for (const select of document.querySelectorAll("select[data-at-once]")) {
  select.form.querySelector("button").hidden = true;
  select.addEventListener("change", () => select.form.requestSubmit());
}

// The last digit of a one-time code sends it: nothing is left to decide.
document.addEventListener("input", ({ target }) => {
  const { digits } = target.dataset;
  if (digits && target.value.replace(/\D/g, "").length === Number(digits)) target.form.requestSubmit();
});

// The chosen chip is in sight.
for (const chip of document.querySelectorAll(".chips [aria-current]")) {
  const bar = chip.parentElement;
  bar.scrollLeft = chip.offsetLeft - bar.offsetLeft - (bar.clientWidth - chip.offsetWidth) / 2;
}

// Another code can be asked for when the wait is over; the server keeps the same rule.
for (const button of document.querySelectorAll("button[data-wait]")) {
  const words = button.textContent;
  const started = performance.now();
  const wait = Number(button.dataset.wait);
  if (!(wait > 0)) continue;
  button.disabled = true;
  const tick = () => {
    const left = Math.ceil(wait - (performance.now() - started) / 1000);
    button.textContent = left > 0 ? button.dataset.waiting.replace("{left}", left) : words;
    if (left > 0) return;
    button.disabled = false;
    clearInterval(timer);
  };
  const timer = setInterval(tick, 500);
  tick();
}
