// The page: asks for reports, follows them live over Socket.IO's own wire format (polling where that fails) and shows
// the text. Everything that comes from the server becomes text nodes; nothing is ever parsed as HTML.
"use strict";

const el = (id) => document.getElementById(id);
const FINISHED = new Set(["completed", "failed", "aborted"]);
const STAGES = {
  queued: "Waiting in the queue", fetching_data: "Collecting figures", preparing_data: "Handing over to the backend",
  generating_sections: "Writing", finalizing: "Fetching the text", completed: "Done", failed: "Failed",
  aborting: "Stopping", aborted: "Stopped",
};
const state = { current: null, data: null, reports: new Map(), live: false, shownText: null };

function make(tag, text, parent) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

async function call(path, body) {
  const options = { headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = await response.json();
  return { ok: response.ok, answer };
}

// --- text of a report: the few Markdown shapes the backend writes, as elements -------------------------------------

function inline(text, parent) {
  for (const [index, part] of text.split(/\*\*(.+?)\*\*/g).entries()) {
    if (!part) continue;
    if (index % 2) make("strong", part, parent);
    else parent.append(document.createTextNode(part.replace(/(^|\s)[*_]([^*_\n]+)[*_](?=\W|$)/g, "$1$2")));
  }
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
const isRow = (line) => line.trim().startsWith("|");
const isRule = (line) => /^\s*\|?[\s:|-]+\|?\s*$/.test(line) && line.includes("-");

function table(lines, parent) {
  const box = make("div", "", parent);
  box.className = "scroll";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Table");
  const node = make("table", "", box);
  const ruled = lines.length > 1 && isRule(lines[1]);
  const right = ruled ? cells(lines[1]).map((cell) => /-:$/.test(cell)) : [];
  const headBox = ruled ? make("thead", "", node) : null;
  const bodyBox = make("tbody", "", node);
  lines.filter((line) => !isRule(line)).forEach((line, index) => {
    const head = ruled && index === 0;
    const row = make("tr", "", head ? headBox : bodyBox);
    for (const [column, cell] of cells(line).entries()) {
      const item = make(head ? "th" : "td", "", row);
      if (right[column]) item.className = "right";
      if (head) item.scope = "col";
      inline(cell, item);
    }
  });
}

function block(lines, parent) {
  const heading = /^#{1,6}\s+(.*)$/.exec(lines[0]);
  if (heading) {
    inline(heading[1], make("h4", "", parent));
    if (lines.length > 1) block(lines.slice(1), parent);
  } else if (lines.every(isRow)) table(lines, parent);
  else if (lines.every((line) => /^\s*([-*+]|\d+[.)])\s+/.test(line))) {
    const list = make(/^\s*\d/.test(lines[0]) ? "ol" : "ul", "", parent);
    for (const line of lines) inline(line.replace(/^\s*([-*+]|\d+[.)])\s+/, ""), make("li", "", list));
  } else if (!lines.every((line) => /^\s*(---+|\*\*\*+)\s*$/.test(line))) inline(lines.join(" "), make("p", "", parent));
}

const kind = (line) => (isRow(line) ? "row" : /^\s*([-*+]|\d+[.)])\s+/.test(line) ? "item" : /^#/.test(line) ? "head" : "text");

function markdown(text, parent) {
  let lines = [];
  const flush = () => { if (lines.length) block(lines, parent); lines = []; };
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) { flush(); continue; }
    if (lines.length && (kind(line) !== kind(lines[0]) || kind(line) === "head")) flush();
    lines.push(line);
  }
  flush();
}

function showText(report) {
  const article = el("text");
  article.replaceChildren();
  if (!report) return;
  for (const [name, text] of Object.entries(report.sections || {})) {
    const title = name.replaceAll("_", " ").trim();
    make("h3", sentence(title), article);
    markdown(String(text), article);
  }
}

// --- what is shown ------------------------------------------------------------------------------------------------

const when = (iso) => new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const span = (seconds) => (seconds < 90 ? `${Math.max(0, Math.round(seconds))} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);

function stage(data) {
  const words = STAGES[data.status] || data.status;
  if (data.status === "queued") return data.queue_position ? `${words}, ${data.queue_position} before this one` : words;
  if (data.status !== "generating_sections" && data.status !== "preparing_data") return words;
  const count = data.sections_total ? ` (${Math.min(data.sections_done + 1, data.sections_total)} of ${data.sections_total})` : "";
  if (data.queue_position || /^(Waiting|Reconnecting|Resuming)/.test(data.current_section)) return data.current_section;
  return data.status === "preparing_data" ? data.current_section || words : `${words}: ${data.current_section}${count}`;
}

function tick() {
  const data = state.data;
  if (!data || !data.start_time) { el("elapsed").textContent = ""; return; }
  const end = data.finished ? Date.parse(data.finished) : Date.now();
  let text = `${data.finished ? "Took" : "Running for"} ${span((end - Date.parse(data.start_time)) / 1000)}`;
  const left = data.estimated_completion ? (Date.parse(data.estimated_completion) - Date.now()) / 1000 : 0;
  if (!data.finished && left > 3) text += `, about ${span(left)} to go`;
  if (data.word_count) text += `, ${data.word_count} words`;
  el("elapsed").textContent = text;
}

function showCurrent(data) {
  state.data = data;
  const over = FINISHED.has(data.status);
  el("current").hidden = false;
  el("current-title").textContent = `${data.company} (${data.ticker})`;
  el("current-label").textContent = sentence(data.data_label);
  el("bar").value = data.progress;
  el("bar").hidden = over;
  el("stop").hidden = over;
  el("stop").disabled = data.status === "aborting";
  const text = stage(data);
  if (el("stage").textContent !== text) el("stage").textContent = text;
  el("stage").dataset.status = data.status;
  el("trouble").hidden = data.status !== "failed";
  el("trouble").textContent = sentence(data.error_message || "");
  el("actions").hidden = el("disclaimer").hidden = !data.report_path;
  if (data.report_path) el("download").href = data.report_path;
  tick();
  if (data.report_path && state.shownText !== data.report_id) void fetchText(data.report_id);
}

async function fetchText(id) {
  state.shownText = id;
  const { ok, answer } = await call(`/api/reports/${encodeURIComponent(id)}`);
  if (ok && state.current === id) showText(answer.report);
}

function showList() {
  const list = el("list");
  const rows = [...state.reports.values()].sort((a, b) => (a.created < b.created ? 1 : -1)).slice(0, 20);
  const focused = document.activeElement && document.activeElement.dataset.report;
  list.replaceChildren();
  el("empty").hidden = rows.length > 0;
  for (const data of rows) {
    const button = make("button", "", make("li", "", list));
    button.type = "button";
    button.dataset.report = data.report_id;
    make("b", data.ticker, button);
    make("span", data.company, button).className = "name";
    make("time", when(data.created), button).dateTime = data.created;
    const status = make("span", FINISHED.has(data.status) ? STAGES[data.status] : `${data.progress} %`, button);
    status.className = "state";
    status.dataset.status = data.status;
    button.addEventListener("click", () => open(data.report_id, true));
    if (focused === data.report_id) button.focus();
  }
}

function learn(data) {
  state.reports.set(data.report_id, data);
  if (data.report_id === state.current) showCurrent(data);
}

async function open(id, focus) {
  if (state.current !== id) { state.shownText = null; showText(null); }
  state.current = id;
  history.replaceState(null, "", `#${id}`);
  const { ok, answer } = await call(`/api/reports/${encodeURIComponent(id)}`);
  if (!ok || state.current !== id) return;
  learn(answer.data);
  showList();
  if (focus) el("current-title").focus();
}

function message(text, bad) {
  el("ask-message").textContent = text;
  el("ask-message").classList.toggle("bad", Boolean(bad));
  el("ticker").setAttribute("aria-invalid", String(Boolean(bad)));
}

async function ask(event) {
  event.preventDefault();
  const ticker = el("ticker").value.trim();
  if (!ticker) { message("Enter a ticker.", true); el("ticker").focus(); return; }
  el("go").disabled = true;
  message("Asking");
  try {
    const { ok, answer } = await call("/api/generate", { ticker });
    message(sentence(ok ? answer.message : answer.error), !ok);
    if (ok) await open(answer.report_id, true);
  } catch {
    message("The dashboard did not answer.", true);
  } finally {
    el("go").disabled = false;
  }
}

// --- keeping up ---------------------------------------------------------------------------------------------------

async function refresh() {
  try {
    const { ok, answer } = await call("/api/reports?limit=20");
    if (!ok) return;
    answer.reports.forEach(learn);
    showList();
  } catch { /* the next round asks again */ }
}

async function askBackend() {
  if (document.hidden) return;
  let text = "The dashboard does not answer";
  let shown = "waiting";
  try {
    const { answer } = await call("/ready");
    shown = answer.ready ? "ready" : answer.configuration === "complete" ? "waiting" : "off";
    text = answer.ready ? `Backend ready${answer.backend.model ? `, ${answer.backend.model}` : ""}` : shown === "off" ? "No backend" : sentence(answer.reason);
  } catch { /* shown as such */ }
  el("backend").dataset.state = shown;
  if (el("backend-text").textContent !== text) el("backend-text").textContent = text;
}

const HANDLERS = {
  status_update: (body) => { body.reports.forEach(learn); showList(); },
  report_update: (body) => { learn(body.data); showList(); },
  report_completed: (body) => { learn(body.data); showList(); },
};

function connect(pause) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket.io/?EIO=4&transport=websocket`);
  let next = pause;
  socket.onmessage = ({ data }) => {
    if (data.startsWith("0")) socket.send("40");
    else if (data === "2") socket.send("3");
    else if (data.startsWith("40")) { state.live = true; next = 1000; el("live").textContent = "on"; }
    else if (data.startsWith("42")) {
      const [name, body] = JSON.parse(data.slice(2));
      if (HANDLERS[name]) HANDLERS[name](body);
    }
  };
  socket.onclose = () => {
    state.live = false;
    el("live").textContent = "polling";
    setTimeout(() => connect(Math.min(30000, next * 2)), next);
  };
}

el("ask").addEventListener("submit", ask);
el("stop").addEventListener("click", async () => {
  el("stop").disabled = true;
  await call("/api/abort", { report_id: state.current });
});
for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => { el("ticker").value = chip.dataset.ticker; message(sentence(chip.title)); el("ticker").focus(); });
}
document.addEventListener("visibilitychange", () => { void askBackend(); if (!document.hidden) void refresh(); });
setInterval(tick, 1000);
setInterval(() => { if (!state.live) void refresh(); }, 3000);
setInterval(askBackend, 15000);
void askBackend();
void refresh().then(() => { const id = location.hash.slice(1); if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) void open(id, false); });
connect(1000);
