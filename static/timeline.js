// The scores over time: draws them with uPlot, lets a moment be chosen, and shows its picture.

import { chart, choose, chooseByKey, clock, current, follow, frames } from "/static/moments.js";
import { percent } from "/static/words.js";

const find = (id) => document.getElementById(id);
const holder = find("chart");
const strip = document.querySelector(".gallery");

// Scores are drawn as log-odds, as the server's drawing does: see `stretched` in words.py.
const EDGE = 0.001;
const odds = (p) => Math.log(p / (1 - p));
const kept = (p) => (p === null ? null : Math.min(Math.max(p, EDGE), 1 - EDGE));
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], []];
const HEIGHT = 230;

/** The page's colours at this moment: they change with the reader's light or dark scheme. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

function zones(plot) {
  const { ctx, bbox } = plot;
  const colour = palette();
  const y = (p) => plot.valToPos(kept(p), "y", true);
  const { fake } = chart.thresholds;
  const real = chart.thresholds.real ?? 0; // no such file is called Real
  const bottom = bbox.top + bbox.height;
  ctx.save();
  const band = (from, to, fill) => {
    ctx.fillStyle = fill;
    ctx.fillRect(bbox.left, from, bbox.width, to - from);
  };
  band(bbox.top, y(fake), colour("--fake-tint"));
  band(y(fake), y(real), colour("--unsure-tint"));
  band(y(real), bottom, colour("--real-tint"));
  ctx.strokeStyle = colour("--edge");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const threshold of [real, fake]) {
    ctx.beginPath();
    ctx.moveTo(bbox.left, y(threshold));
    ctx.lineTo(bbox.left + bbox.width, y(threshold));
    ctx.stroke();
  }
  ctx.restore();
}

function zoneNames(plot) {
  const { ctx, bbox } = plot;
  const colour = palette();
  const y = (p) => plot.valToPos(kept(p), "y", true);
  const { fake } = chart.thresholds;
  const real = chart.thresholds.real ?? 0;
  ctx.save();
  ctx.strokeStyle = colour("--ground"); // a rim, so that a line behind a name does not cross it
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.font = `600 ${13 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const right = bbox.left + bbox.width - 6 * devicePixelRatio;
  const label = (from, to, text, fill) => {
    ctx.fillStyle = fill;
    if (to - from < 14 * devicePixelRatio) return;
    ctx.strokeText(text, right, (from + to) / 2);
    ctx.fillText(text, right, (from + to) / 2);
  };
  label(bbox.top, y(fake), "Fake", colour("--fake"));
  label(y(fake), y(real), "Undecided", colour("--unsure"));
  label(y(real), bbox.top + bbox.height, "Real", colour("--real"));
  ctx.restore();
}

function chosenLine(plot) {
  if (current() < 0) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(chart.times[current()], "x", true);
  ctx.save();
  ctx.strokeStyle = palette()("--link");
  ctx.lineWidth = 3 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function series(track, number) {
  const colour = palette()(`--line-${Math.min(number, 4)}`);
  const width = number === 0 ? 3 : number < 4 ? 2 : 1;
  const points = { show: true, size: number === 0 ? 8 : 6, fill: colour, stroke: colour };
  return { label: track.name, stroke: colour, width, dash: DASHES[Math.min(number, 4)], points, spanGaps: false };
}

function options() {
  const colour = palette();
  const axis = { stroke: colour("--quiet"), font: "13px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: holder.clientWidth,
    height: HEIGHT,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [0, chart.duration] },
      y: { distr: 100, fwd: odds, bwd: (value) => 1 / (1 + Math.exp(-value)), range: [EDGE, 1 - EDGE] },
    },
    axes: [
      { ...axis, size: 34, grid: { show: false }, values: (_, times) => times.map(clock) },
      {
        ...axis,
        size: 56,
        grid: { stroke: colour("--line"), width: 1 },
        splits: () => [0.01, 0.1, 0.5, 0.9, 0.99],
        filter: (_, splits) => splits,
        values: (_, splits) => splits.map((p) => `${Math.round(100 * p)} %`),
      },
    ],
    // The deciding person's line is drawn last, over the others.
    series: [{}, ...chart.tracks.map(series).reverse()],
    hooks: { drawClear: [zones], draw: [chosenLine, zoneNames] },
  };
}

let plot = null;

function draw() {
  plot?.destroy();
  const scores = chart.tracks.map((track) => track.scores.map(kept)).reverse();
  plot = new uPlot(options(), [chart.times, ...scores], holder);
}

/** What a screen reader says for a moment: its time and each person's score. */
function inWords(number) {
  const scores = chart.tracks
    .filter((track) => track.scores[number] !== null)
    .map((track) => `${track.name} ${percent(track.scores[number])}`);
  return `${clock(chart.times[number])}: ${scores.join(", ") || "nobody could be judged"}`;
}

function makeChart() {
  holder.hidden = false;
  document.querySelector(".with-chart").hidden = false;
  document.querySelector(".timeline .still").classList.add("print-only");
  const attributes = {
    role: "slider", tabindex: 0, "aria-label": "Moment of the clip",
    "aria-valuemin": 1, "aria-valuemax": frames.length,
  };
  for (const [name, value] of Object.entries(attributes)) holder.setAttribute(name, value);
  draw();

  const byPlace = ({ clientX }) => {
    const { left } = plot.over.getBoundingClientRect();
    choose(plot.posToIdx(clientX - left));
  };
  holder.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    byPlace(event);
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener("pointermove", (event) => event.buttons & 1 && byPlace(event));
  holder.addEventListener("keydown", (event) => chooseByKey(event) && event.preventDefault());
  follow((number) => {
    holder.setAttribute("aria-valuenow", number + 1);
    holder.setAttribute("aria-valuetext", inWords(number));
    plot.redraw(false);
  });
  new ResizeObserver(() => {
    if (holder.clientWidth && holder.clientWidth !== plot.width) {
      plot.setSize({ width: holder.clientWidth, height: HEIGHT });
    }
  }).observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function showMoment(number) {
  const { href, dataset } = frames[number];
  find("moment-link").href = href;
  find("moment-link").dataset.frame = dataset.frame;
  find("moment-image").src = href;
  find("moment-image").alt = dataset.caption;
  find("moment-heat").hidden = !dataset.heat;
  if (dataset.heat) find("moment-heat").src = dataset.heat;
  find("moment-caption").textContent = dataset.caption;
  find("earlier").disabled = number === 0;
  find("later").disabled = number === frames.length - 1;
  frames.forEach((link, each) => {
    link.tabIndex = each === number ? 0 : -1; // one stop for the tabulator, arrows go on
    if (each === number) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  const { offsetLeft, offsetWidth } = frames[number].parentElement;
  const { clientWidth } = strip;
  strip.scrollTo({ left: offsetLeft + offsetWidth / 2 - clientWidth / 2 });
}

if (chart) makeChart();
find("moment").hidden = false;
follow(showMoment);
find("earlier").addEventListener("click", () => choose(current() - 1));
find("later").addEventListener("click", () => choose(current() + 1));

frames.forEach((link, number) => link.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(number);
}));
strip.addEventListener("keydown", (event) => {
  if (!chooseByKey(event)) return;
  event.preventDefault();
  frames[current()].focus({ preventScroll: true });
});

// Links to a moment, from people and signs: choose it and bring it into view.
const place = (index) => frames.findIndex((link) => link.dataset.frame === index);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-moment]");
  if (!link) return;
  event.preventDefault();
  choose(place(link.dataset.moment));
  find("when").scrollIntoView({ block: "start" });
  (chart ? holder : find("later")).focus({ preventScroll: true });
});

choose(Math.max(0, place(document.querySelector(".decisive a")?.dataset.frame)));
