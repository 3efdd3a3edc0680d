"use strict";
const payload = JSON.parse(document.getElementById("payload").textContent);
const card = document.getElementById("card");

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function inflate(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function make(name, text, parent) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

/* Cells: drawings and words of all networks, unpacked when the first is shown. */
const cells = payload.runs.map(() => null);

function loadCells(run) {
  cells[run] ??= inflate(payload.runs[run].cells).then((buffer) =>
    JSON.parse(new TextDecoder().decode(buffer)));
  return cells[run];
}

function format(value, digits = 3) {
  if (value === null || value === undefined) return "none";
  return typeof value === "number" && !Number.isInteger(value)
    ? value.toFixed(digits) : value.toLocaleString("en");
}

let shown = 0; // the latest card: an older one must not appear after it

function place(x, y) {
  card.hidden = false;
  const left = Math.min(x + 14, document.documentElement.clientWidth - card.offsetWidth - 6);
  const below = y + 14 + card.offsetHeight < window.innerHeight;
  card.style.left = `${Math.max(4, left) + window.scrollX}px`;
  const top = below ? y + 14 : y - card.offsetHeight - 10;
  card.style.top = `${Math.max(4, top) + window.scrollY}px`;
}

function hide() {
  shown += 1;
  card.hidden = true;
}

async function showCandidate(run, one, x, y) {
  const number = (shown += 1);
  const found = await loadCells(run);
  if (number !== shown) return;
  card.replaceChildren();
  const head = make("p", undefined, card);
  make("strong", one.id, head);
  head.append(` ${one.state}, reward ${format(one.reward)}`);
  make("p", `P ${format(one.P)}, TG ${format(one.TG)}, ${format(one.params)} parameters, ` +
    `${format(one.macs)} multiply-adds`, card);
  const drawing = found.drawings[one.hash];
  if (drawing) {
    const image = make("img", undefined, card);
    image.alt = (found.texts[one.hash] || []).join("; ");
    image.onload = () => number === shown && place(x, y);
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(drawing);
  } else {
    const list = make("ul", undefined, card);
    for (const line of found.texts[one.hash] || []) make("li", line, list);
  }
  place(x, y);
}

function showValues(value, x, y) {
  shown += 1;
  card.replaceChildren();
  for (const [key, one] of Object.entries(value)) make("p", `${key}: ${one}`, card);
  place(x, y);
}

/* Charts */
function buildHandler(chart) {
  return (_, event, item, value) => {
    if (value === null || value === undefined || value === "") return hide();
    const datum = item && item.datum;
    if (datum && datum.id !== undefined && datum.hash !== undefined) {
      const run = payload.runs.findIndex((one) => one.label === datum.run);
      showCandidate(run, datum, event.clientX, event.clientY);
    } else {
      showValues(value, event.clientX, event.clientY);
    }
  };
}

function drawChart([id, chart]) {
  const element = document.getElementById(`chart-${id}`);
  const spec = chart.spec;
  if (chart.candidates) {
    const rows = chart.candidates.flatMap((run) => payload.runs[run].candidates);
    spec.datasets = { ...spec.datasets, candidates: rows };
  }
  const options = { actions: false, renderer: "svg", tooltip: buildHandler(chart) };
  return vegaEmbed(element, spec, options).catch((error) => {
    element.textContent = `This chart cannot be drawn: ${error}`;
    console.error(error);
  });
}

/* Tables that a column's name sorts */
function sortTable(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const up = heads[column].getAttribute("aria-sort") !== "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const valueOf = (row) => {
    const text = row.cells[column].dataset.value;
    if (text === "") return null;
    return Number.isNaN(Number(text)) ? text : Number(text);
  };
  const rows = [...body.rows].map((row) => [valueOf(row), row]);
  rows.sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);
    const order = typeof one === "string" || typeof other === "string"
      ? String(one).localeCompare(String(other), "en", { numeric: true }) : one - other;
    return up ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => sortTable(table, column)));
  const run = Number(table.dataset.run);
  const known = new Map(payload.runs[run].candidates.map((one) => [one.id, one]));
  const show = (event) => {
    const button = event.target.closest("button.cell");
    if (!button) return;
    const box = button.getBoundingClientRect();
    showCandidate(run, known.get(button.dataset.id), box.right, box.bottom);
  };
  table.tBodies[0].addEventListener("mouseover", show);
  table.tBodies[0].addEventListener("focusin", show);
  table.tBodies[0].addEventListener("click", show);
  table.tBodies[0].addEventListener("mouseout", hide);
  table.tBodies[0].addEventListener("focusout", hide);
}
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
