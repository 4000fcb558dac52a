// Many files: sends them a few at a time, follows each to its result, survives a reload.

import { ANSWERS, Table } from "./batch_table.js";
import { download, side, toCsv, toJson } from "./batch_files.js";
import { Followers } from "./live.js";
import { upload } from "./upload.js";
import { answerKind } from "./words.js";

const IN_FLIGHT = 3; // sent and not finished: the next is ready when the server is
const TRIES = 5; // uploads of one file whose connection broke
const PAUSE = 3; // s after a broken connection
const KEY = "batch";
const ENDED = ["done", "failed", "cancelled", "lost"];
const UNSENT = ["waiting", "sending"]; // nothing but this page knows of them
const LOST = "Not sent: the page was left before. Choose it again.";

const find = (id) => document.getElementById(id);
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

export class Batch {
  #rows = []; // see #row
  #files = new Map(); // row -> File, until it was sent
  #followers = null;
  #sending = null;
  #working = false;
  #limits;
  #table;

  constructor(limits) {
    this.#limits = limits;
    this.#table = new Table(find("files"));
    find("csv").addEventListener("click", () => download("results.csv", "text/csv", toCsv(this.#rows)));
    find("json").addEventListener("click", () => download("results.json", "application/json", toJson(this.#rows)));
    find("cancel-all").addEventListener("click", () => this.#cancelAll());
    find("clear").addEventListener("click", () => this.#clear());
    addEventListener("beforeunload", (event) => this.#rows.some(({ state }) => UNSENT.includes(state)) && event.preventDefault());
    // Back to before the batch, or forward to it: the page of that address.
    addEventListener("popstate", () => this.shown !== (location.pathname === "/batch") && location.reload());
  }

  get shown() {
    return !find("batch").hidden;
  }

  /** Take files in; of a folder only those that can be judged. */
  add(files, { folder = false } = {}) {
    const named = (file) => /\.[^.]*$/.exec(file.name.toLowerCase())?.[0];
    const known = (file) => /^(image|video|audio)\//.test(file.type) || this.#limits.accepted.includes(named(file));
    const taken = folder ? files.filter(known) : files;
    if (!taken.length && !this.#rows.length) {
      find("live").textContent = "";
      this.#limits.refuse(`None of the ${files.length} files in this folder can be judged.`);
      return;
    }
    const pathOf = (file) => file.folderPath || file.webkitRelativePath || file.name;
    taken.sort((a, b) => pathOf(a).localeCompare(pathOf(b), undefined, { numeric: true }));
    for (const file of taken) {
      const path = pathOf(file);
      const lost = this.#rows.find((row) => row.state === "lost" && row.path === path && row.size === file.size);
      const row = lost ?? this.#row(path, file.size);
      if (file.size > 1e6 * this.#limits.maxMegabytes) {
        Object.assign(row, { state: "failed", error: { code: "too_large", message: `Larger than ${this.#limits.maxMegabytes} MB.` } });
      } else {
        Object.assign(row, { state: "waiting", error: null, tries: 0 });
        this.#files.set(row, file);
      }
    }
    const skipped = files.length - taken.length;
    find("skipped").textContent = skipped ? `${skipped} other file${skipped > 1 ? "s" : ""} left out.` : "";
    this.#open();
    this.#changed();
    this.#work();
  }

  /** Show what was there before a reload, and follow on. */
  restore() {
    const rows = stored();
    if (location.pathname !== "/batch" || !rows.length) return;
    this.#rows = rows;
    for (const row of rows) {
      if (ENDED.includes(row.state)) continue;
      if (row.id) this.#follow(row);
      else Object.assign(row, { state: "lost", error: { code: "not_sent", message: LOST } });
    }
    this.#open();
    this.#changed();
  }

  #row(path, size) {
    const row = { path, size, state: "waiting", percent: 0, id: null, url: null, error: null, tries: 0, report: null };
    this.#rows.push(row);
    return row;
  }

  #open() {
    if (location.pathname !== "/batch") history.pushState(null, "", "/batch");
    document.body.dataset.state = "batch";
    find("batch").hidden = false;
  }

  /** Send what waits, one file at a time, while few enough are under way. */
  async #work() {
    if (this.#working) return;
    this.#working = true;
    for (;;) {
      const row = this.#rows.find(({ state }) => state === "waiting");
      if (!row) break;
      if (this.#rows.filter(({ state }) => ["queued", "running"].includes(state)).length < IN_FLIGHT) await this.#send(row);
      else await wait(0.2);
    }
    this.#working = false;
  }

  async #send(row) {
    Object.assign(row, { state: "sending", percent: 0 });
    this.#changed();
    this.#sending = new AbortController();
    const onProgress = (loaded, total) => this.#progress(row, "sending", Math.floor((100 * loaded) / total));
    try {
      const { id, url } = await upload(this.#files.get(row), { signal: this.#sending.signal, onProgress });
      this.#files.delete(row);
      Object.assign(row, { state: "queued", percent: 0, id, url });
      this.#follow(row);
    } catch (error) {
      if (row.state === "cancelled") return;
      row.tries += error.code === "no_answer";
      if (error.retryAfter === null || row.tries >= TRIES) this.#fail(row, error);
      else await this.#pause(row, error.retryAfter || PAUSE);
    }
    this.#changed();
  }

  /** The server said when to come again: until then nothing is sent. */
  async #pause(row, seconds) {
    row.state = "waiting";
    const why = row.tries ? "The connection broke" : "The server is busy";
    for (let left = seconds; left > 0 && row.state === "waiting"; left--) {
      find("pause").textContent = `${why}; going on in ${left} s.`;
      this.#changed();
      await wait(1);
    }
    find("pause").textContent = "";
  }

  #follow(row) {
    this.#followers ??= new Followers();
    this.#followers.add(row.id, {
      progress: ({ state, progress }) => this.#progress(row, state === "done" ? "running" : state, progress),
      done: () => this.#finish(row),
      failed: (error) => this.#fail(row, error),
    });
  }

  #progress(row, state, percent) {
    if (ENDED.includes(row.state)) return;
    Object.assign(row, { state, percent });
    this.#table.update(row);
  }

  async #finish(row, tries = TRIES) {
    try {
      const response = await fetch(`/api/v1/analyses/${row.id}`, { headers: { Accept: "application/json" } });
      const report = await response.json();
      if (row.state === "cancelled") return;
      if (!response.ok) throw Object.assign(new Error(), report.error);
      const { prediction, judged, confidence, probability_fake, leaning, odds, reasons, explanation, face, audio, faces_detected, frame_analysis, processing_time, model } = report;
      const { frames_analysed } = frame_analysis;
      row.report = { prediction, judged, confidence, probability_fake, leaning, odds, reasons, explanation, face: side(face), audio: side(audio), faces_detected, frames_analysed, processing_time, model };
      row.state = "done";
      this.#changed();
    } catch (error) {
      if (error.code) this.#fail(row, error);
      else if (tries <= 1) this.#fail(row, { message: "The answer could not be fetched. Open its page." });
      else {
        await wait(PAUSE);
        await this.#finish(row, tries - 1);
      }
    }
  }

  #fail(row, { code = "no_answer", message }) {
    this.#files.delete(row);
    if (row.state !== "cancelled") Object.assign(row, { state: "failed", error: { code, message } });
    this.#changed();
  }

  #cancelAll() {
    for (const row of this.#rows.filter(({ state }) => !ENDED.includes(state))) {
      if (row.id) {
        this.#followers.remove(row.id);
        this.#delete(row);
      }
      row.state = "cancelled";
      this.#files.delete(row);
    }
    this.#sending?.abort();
    this.#changed();
  }

  /** Cancelled is what the server knows of; it may be out of reach for a while. */
  async #delete(row, tries = TRIES) {
    try {
      const { status } = await fetch(`/api/v1/analyses/${row.id}`, { method: "DELETE", keepalive: true }); // also when the page is left
      if (status < 500) return;
    } catch {
      // as below
    }
    if (tries > 1) await wait(PAUSE).then(() => this.#delete(row, tries - 1));
    else this.#fail(Object.assign(row, { state: "failed" }), { message: "The server could not be told to stop. It deletes the file after its time." });
  }

  #clear() {
    this.#cancelAll();
    this.#rows = [];
    store("[]");
    location.assign("/");
  }

  /** Keep the rows for a reload; of more than the browser has room for the last state that fitted. */
  #remember() {
    if (!store(JSON.stringify(this.#rows))) find("skipped").textContent = "These files will not be found again after a reload.";
  }

  #changed() {
    this.#remember();
    this.#table.show(this.#rows);
    const count = (test) => this.#rows.filter(test).length;
    const ended = count(({ state }) => ENDED.includes(state));
    const words = [...ANSWERS].map(([kind, name]) => [count(({ report }) => report && answerKind(report) === kind), name]);
    const unsent = count(({ state }) => state === "lost");
    const cancelled = count(({ state }) => state === "cancelled");
    words.push([count(({ state }) => state === "failed"), "without an answer"], [cancelled, "cancelled"], [unsent, "not sent"]);
    const summary = words.filter(([number]) => number).map(([number, name]) => `${number} ${name}`);
    const checked = ended - cancelled - unsent;
    find("batch-title").textContent = `${checked} of ${this.#rows.length} files checked`;
    find("summary").textContent = summary.join(" · ");
    find("batch-bar").max = this.#rows.length;
    find("batch-bar").value = ended - unsent;
    find("cancel-all").hidden = ended === this.#rows.length;
    find("clear").hidden = ended !== this.#rows.length;
    const whole = checked === this.#rows.length ? "All files are checked" : `${checked} of ${this.#rows.length} files are checked`;
    if (ended === this.#rows.length) find("live").textContent = `${whole}: ${summary.join(", ")}.`;
  }
}

/** What an earlier page kept; nothing where the browser keeps nothing for pages. */
function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

/** Whether it could be kept: there may be no room, or no permission. */
function store(text) {
  try {
    sessionStorage.setItem(KEY, text);
    return true;
  } catch {
    return false;
  }
}
