// The rotating code, drawn in the page. The server hands out the codes of the coming half hour, so
// that the screen outlives an outage; it never gets a key. Time is the server's, carried on by the
// monotonic clock: a wrong or changed clock of this computer does not matter.
import { generate } from "./vendor/lean-qr-2.7.4.js";

const AHEAD_MS = 30 * 60 * 1000;
const COUNT_MS = 5000;
const PATIENCE_MS = 8000;
const SIDE = 792;
const QUIET = 4;

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const data = JSON.parse($("venue-data").textContent);
const stepMs = data.step_seconds * 1000;

const codes = new Map();
let edition = data.edition; // changes when codes handed out before are no longer the right ones
let ahead = 0; // the server's time minus the monotonic clock
let shown = null;
let heard = 0; // when the server last answered, by the monotonic clock
let closed = false;
let refused = false;
let asking = false;

const serverNow = () => performance.now() + ahead;
const hhmm = (ms) => new Date(ms + 8 * 3600 * 1000).toISOString().slice(11, 16).replace(/^0/, "");

function listen(answer, sent, received) {
  ahead = answer.server_now_ms - (sent + received) / 2;
  heard = received;
  if (answer.edition !== edition) {
    edition = answer.edition;
    codes.clear();
    shown = null;
  }
}

function keep(list) {
  for (const code of list) codes.set(code.step, code);
}

async function ask(url) {
  const sent = performance.now();
  const answer = await fetch(url, {
    headers: { Accept: "application/json" },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  // Whoever is no longer signed in is sent to the sign-in page.
  refused = answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403;
  if (!answer.ok) throw new Error(String(answer.status));
  const body = await answer.json();
  listen(body, sent, performance.now());
  return body;
}

async function refill() {
  if (asking || closed) return;
  asking = true;
  try {
    for (let batch = 0; batch < 8; batch += 1) {
      const present = Math.floor(serverNow() / stepMs);
      for (const step of codes.keys()) if (step < present - 1) codes.delete(step);
      const last = codes.size ? Math.max(...codes.keys()) : present - 1;
      if ((last - present) * stepMs >= AHEAD_MS) break;
      const url = new URL(data.codes_url, location.href);
      url.searchParams.set("from", String(last + 1));
      const before = edition;
      const body = await ask(url);
      keep(body.codes);
      if (!body.codes.length && before === edition) break;
    }
  } catch {
    // No network: what is in store goes on.
  } finally {
    asking = false;
  }
}

function list(id, rows) {
  if (!rows.length) return;
  $(id).replaceChildren(
    ...rows.map((row) => {
      const item = document.createElement("li");
      for (const words of [row.name, row.words]) {
        const span = document.createElement("span");
        span.textContent = words;
        item.append(span);
      }
      return item;
    }),
  );
}

function count(counts) {
  for (const id of ["arrived", "take_part", "serve", "left", "staying"]) $(id).textContent = counts[id];
  for (const id of ["arrived", "left"]) $(id).classList.toggle("three", counts[id] > 99);
  list("arrivals", counts.arrivals);
  list("exits", counts.exits);
  closed = counts.closed;
  root.toggleAttribute("data-closed", closed);
}

async function recount() {
  try {
    count((await ask(data.counts_url)).counts);
  } catch {
    // Shown as stopped by tick().
  }
  if (codes.size * stepMs < AHEAD_MS) await refill();
  setTimeout(recount, COUNT_MS);
}

function draw(url) {
  const matrix = generate(url);
  const scale = Math.floor(SIDE / (matrix.size + 2 * QUIET));
  const edge = Math.floor((SIDE - matrix.size * scale) / 2);
  let path = "";
  for (let y = 0; y < matrix.size; y += 1) {
    for (let x = 0; x < matrix.size; x += 1) {
      if (!matrix.get(x, y)) continue;
      let run = 1;
      while (matrix.get(x + run, y)) run += 1;
      path += `M${edge + x * scale} ${edge + y * scale}h${run * scale}v${scale}h${-run * scale}z`;
      x += run;
    }
  }
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const dark = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
  svg.setAttribute("shape-rendering", "crispEdges");
  dark.setAttribute("d", path);
  svg.append(dark);
  $("code").replaceChildren(svg);
}

function instead(words) {
  $("instead").textContent = words;
  $("instead").hidden = !words;
  $("code").hidden = Boolean(words);
}

function missing(step) {
  const says = $("instead").dataset;
  const next = [...codes.keys()].filter((each) => each > step).sort((a, b) => a - b)[0];
  if (closed) return says.closed;
  if (refused) return says.signin;
  return next ? says.early.replace("{time}", hhmm(next * stepMs)) : says.out;
}

function tick() {
  const now = serverNow();
  const step = Math.floor(now / stepMs);
  const code = closed ? undefined : codes.get(step);
  if (!code && asking && !closed && !refused) {
    shown = null; // the next ones are on their way
  } else if (!code) {
    shown = null;
    instead(missing(step));
  } else if (shown !== code.url) {
    shown = code.url;
    root.dataset.phase = code.phase;
    draw(code.url);
    instead("");
    $("ring").classList.add("fresh");
  } else {
    $("ring").classList.remove("fresh");
  }
  const left = code ? 100 * (1 - (now % stepMs) / stepMs) : 0;
  $("ring").setAttribute("stroke-dasharray", `${left.toFixed(1)} 100`);
  $("clock").textContent = hhmm(now);
  const cut = performance.now() - heard > 3 * COUNT_MS;
  $("offline").hidden = !cut;
  $("online").hidden = cut;
  if (cut) $("stopped").textContent = hhmm(heard + ahead);
}

function keys(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const panel = $("keys");
  const key = event.key.toLowerCase();
  if (key === "m") panel.open = !panel.open;
  else if (key === "escape") panel.open = false;
  else if (key === "f") document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.();
  else if (panel.open) panel.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
}

async function stayAwake() {
  try {
    if (document.visibilityState === "visible") await navigator.wakeLock?.request("screen");
  } catch {
    // A screen that dims is still a screen.
  }
}

// The page was made when its first byte came, however long it took to get here.
const arrival = performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now();
ahead = data.server_now_ms - arrival;
heard = arrival;
keep(data.codes);
count(data.counts);
tick();
setInterval(tick, 250);
setTimeout(recount, 1000);
document.addEventListener("keydown", keys);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    stayAwake();
    refill();
  }
});
stayAwake();
