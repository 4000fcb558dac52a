// The table of a batch: a row a file, sorted and filtered by what is known of it.

import { answerKind, percent, toOne } from "./words.js";

/** Kind of an answer -> its name, from Fake to Real, as the filter lists them. */
export const ANSWERS = new Map([...document.querySelectorAll("#filter [data-answer]")].map(({ value, text }) => [value, text]));
const STATES = { waiting: "Not sent yet", queued: "Waiting in line", cancelled: "Cancelled" };

export class Table {
  #body;
  #headers;
  #rows = [];
  #shown = new Map(); // row -> { element, content }: its tr, and what it was made of
  #sort = { by: "order", down: false };

  constructor(table) {
    this.#body = table.tBodies[0];
    this.#headers = [...table.querySelectorAll("th[data-sort]")];
    for (const header of this.#headers) {
      header.querySelector("button").addEventListener("click", () => this.#sortBy(header.dataset.sort));
    }
    document.getElementById("filter").addEventListener("change", () => this.show(this.#rows));
  }

  /** Show these rows, in the chosen order. What stays as it was is not touched: it may have the focus. */
  show(rows) {
    this.#rows = rows;
    const chosen = document.getElementById("filter").value;
    const kept = rows.filter((row) => !chosen || group(row) === chosen);
    const elements = this.#sorted(kept).map((row) => this.update(row));
    elements.forEach((element, at) => {
      const there = this.#body.children[at];
      if (there !== element) this.#body.insertBefore(element, there ?? null);
    });
    while (this.#body.children.length > elements.length) this.#body.lastElementChild.remove();
  }

  /** Write one row anew, if it has changed. */
  update(row) {
    const content = [row.state, row.percent, row.error?.message].join();
    const shown = this.#shown.get(row);
    if (shown?.content === content) return shown.element;
    const element = shown?.element ?? document.createElement("tr");
    this.#shown.set(row, { element, content });
    const name = document.createElement(row.state === "done" ? "a" : "span");
    if (row.state === "done") Object.assign(name, { href: row.url, target: "_blank", rel: "noopener" }); // the batch stays and goes on
    const path = document.createElement("bdi");
    for (const part of row.path.split(/(?<=\/)/)) path.append(part, document.createElement("wbr")); // narrow tables break it there
    name.append(path);
    const p = row.report?.probability_fake ?? null;
    const odds = row.report?.odds ?? null;
    element.replaceChildren(cell(name), cell(...verdict(row)), cell(odds === null ? "–" : toOne(odds)), cell(p === null ? "–" : percent(p)));
    return element;
  }

  #sortBy(by) {
    this.#sort = { by, down: this.#sort.by === by && !this.#sort.down };
    for (const header of this.#headers) {
      const falls = this.#sort.down !== ["probability", "odds"].includes(by); // a first click shows the highest
      const direction = falls ? "descending" : "ascending";
      if (header.dataset.sort === by) header.setAttribute("aria-sort", direction);
      else header.removeAttribute("aria-sort");
    }
    this.show(this.#rows);
  }

  #sorted(rows) {
    const { by, down } = this.#sort;
    const place = {
      order: () => 0,
      file: (a, b) => a.path.localeCompare(b.path, undefined, { numeric: true }),
      verdict: (a, b) => rank(a) - rank(b) || lean(b) - lean(a),
      odds: (a, b) => lean(b) - lean(a),
      probability: (a, b) => (b.report?.probability_fake ?? -1) - (a.report?.probability_fake ?? -1),
    }[by];
    const sorted = rows.toSorted(place);
    return down ? sorted.reverse() : sorted;
  }
}

/** What the filter calls a row: its kind of answer, "failed", or "open". */
function group({ report, state, error }) {
  if (report) return answerKind(report);
  return error || state === "cancelled" ? "failed" : "open";
}

const rank = (row) => [...ANSWERS.keys(), "open", "failed"].indexOf(group(row));

/** How far a row leans towards fake: its odds, below zero towards real, nowhere at the end. */
function lean({ report }) {
  if (!report?.odds) return -Infinity;
  return report.leaning === "fake" ? report.odds : -report.odds;
}

/** What face and voice say each, where both were judged and they differ. */
function sides({ face, audio }) {
  if (!face?.judged || !audio?.judged) return null;
  const [first, second] = [audio, face].map((side) => ANSWERS.get(answerKind({ ...side, prediction: side.verdict })).toLowerCase());
  return first === second ? null : `Voice: ${first}. Face: ${second}.`;
}

function cell(...content) {
  const element = document.createElement("td");
  element.append(...content);
  return element;
}

function verdict({ state, percent: done, report, error }) {
  if (report) {
    const kind = answerKind(report);
    const icon = document.getElementById("icons").content.querySelector(`.is-${kind}`).cloneNode(true);
    const score = Object.assign(document.createElement("span"), { className: `score is-${kind}` });
    score.append(icon, ANSWERS.get(kind));
    const why = Object.assign(document.createElement("span"), { className: "quiet", textContent: report.explanation[0] });
    if (kind === "none") return [score, " ", why];
    const apart = sides(report);
    return apart ? [score, " ", Object.assign(document.createElement("span"), { className: "quiet", textContent: apart })] : [score];
  }
  if (error) return [error.message];
  if (state in STATES) return [STATES[state]];
  const bar = Object.assign(document.createElement("progress"), { max: 100, value: done });
  const word = state === "sending" ? "Uploading" : "Checking";
  bar.setAttribute("aria-label", word);
  return [`${word}: ${done} %`, bar];
}
