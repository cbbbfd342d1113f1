// Everything here is a comfort: the pages say all they know without it.
// Local times on hover, countdowns, live numbers from /events, charts.

const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function nameTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]"))
    time.title = `${zone.format(new Date(time.dateTime))} where you are`;
}

function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

// The verifier's clock counts; the reader's may be wrong, so only differences of it are used.
const age = document.getElementById("age");
let shownAt = Number(age.dataset.at);
let heardAt = performance.now();
let listening = false;
const verifierNow = () => shownAt + (performance.now() - heardAt);

function tick() {
  for (const time of document.querySelectorAll("time[data-until]"))
    time.textContent = duration(Number(time.dataset.until) - verifierNow());
  const old = performance.now() - heardAt;
  const stale = old > 15000;
  age.classList.toggle("live", listening && !stale);
  age.classList.toggle("stale", stale);
  age.textContent = stale
    ? `These numbers are ${duration(old)} old: the verifier does not answer.`
    : listening ? "Live: numbers follow by themselves." : `Numbers of ${duration(old)} ago.`;
}

function palette() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  return { line: color("--accent"), band: color("--accent-soft"), axis: color("--soft"), grid: color("--line") };
}

function rateWords(value) {
  if (value === null || value === undefined) return "–";
  if (value <= 0) return "0";
  for (const [unit, name] of [[1e15, "PH/s"], [1e12, "TH/s"], [1e9, "GH/s"], [1e6, "MH/s"], [1e3, "kH/s"]])
    if (value >= unit) return `${(value / unit).toPrecision(3)} ${name}`;
  return `${value.toFixed(0)} H/s`;
}

function timeWords(seconds, span) {
  const text = new Date(seconds * 1000).toISOString();
  if (span < 1200) return text.slice(11, 19);
  return span < 2 * 86400 ? text.slice(11, 16) : text.slice(5, 10);
}

const charts = new Map();

function drawChart(figure) {
  const plot = figure.querySelector(".plot"), words = figure.querySelector("figcaption");
  const rows = [...figure.querySelectorAll("tr[data-at]")].map(({ dataset }) => ({
    at: Number(dataset.at) / 1000, value: Number(dataset.value), half: Number(dataset.half),
  }));
  charts.get(figure.id)?.destroy();
  charts.delete(figure.id);
  if (rows.length < 2 || !window.uPlot) return;
  const { line, band, axis, grid } = palette();
  const caption = (words.dataset.caption ??= words.textContent);
  const span = rows[rows.length - 1].at - rows[0].at;
  const data = [rows.map((r) => r.at), rows.map((r) => r.value + r.half),
    rows.map((r) => Math.max(0, r.value - r.half)), rows.map((r) => r.value)];
  const shared = { stroke: axis, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const edge = { stroke: "transparent", points: { show: false } };
  // What lies under the pointer is said in words, in the caption's place.
  const readOut = ({ cursor }) => {
    const row = rows[cursor.idx];
    words.textContent = !row ? caption
      : `${new Date(row.at * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC: ${rateWords(row.value)}, 95 % from ${rateWords(row.value - row.half)} to ${rateWords(row.value + row.half)}`;
  };
  plot.classList.add("drawn");
  charts.set(figure.id, new window.uPlot({
    width: plot.clientWidth, height: 220, legend: { show: false }, padding: [12, 34, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.12 : 1] } },
    axes: [{ ...shared, space: 84, values: (_, ticks) => ticks.map((t) => timeWords(t, span)) },
      { ...shared, size: 78, values: (_, ticks) => ticks.map(rateWords) }],
    series: [{}, edge, edge,
      { stroke: line, width: 2, points: { show: rows.length < 40, size: 6, fill: line, stroke: line } }],
    bands: [{ series: [1, 2], fill: band }],
    hooks: { setCursor: [readOut] },
  }, data, plot));
}

function drawCharts(root) {
  for (const figure of root.querySelectorAll("figure[data-chart]")) drawChart(figure);
}

// Replaces what has changed by what the server says now, section by section.
let refreshing = false;
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    const reply = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part][id]")) {
      const newer = fresh.getElementById(part.id);
      if (!newer || part.contains(document.activeElement)) continue;
      const open = [...part.querySelectorAll("details")].map((one) => one.open);
      part.replaceChildren(...newer.childNodes);
      part.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? false; });
      nameTimes(part);
      drawCharts(part);
    }
    document.body.dataset.version = fresh.body.dataset.version;
  } finally {
    refreshing = false;
  }
}

function hear(event) {
  const news = JSON.parse(event.data);
  shownAt = news.at;
  heardAt = performance.now();
  for (const [name, text] of Object.entries(news.values))
    for (const element of document.querySelectorAll(`[data-live="${name}"]`))
      if (element.textContent !== text) {
        element.textContent = text;
        element.classList.remove("changed");
        void element.offsetWidth;
        element.classList.add("changed");
      }
  // Not all readers at once.
  if (String(news.version) !== document.body.dataset.version) setTimeout(refresh, Math.random() * 1500);
  tick();
}

let events;

function listen() {
  events = new EventSource("/events");
  events.onopen = () => { listening = true; };
  events.onmessage = hear;
  events.onerror = () => { listening = false; };
}

// Every listener holds a connection of the verifier; a page nobody sees needs none.
document.addEventListener("visibilitychange", () => {
  events?.close();
  listening = false;
  if (!document.hidden) listen();
});

nameTimes(document);
drawCharts(document);
tick();
setInterval(tick, 1000);
if (!document.hidden) listen();
let resizing;
window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => drawCharts(document), 150); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts(document));
