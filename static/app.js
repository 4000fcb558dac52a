// The upload page: takes files by drop, choice, paste or link; one opens its result, many fill a table.

import { Batch } from "./batch.js";
import { filesOf } from "./folders.js";
import { upload } from "./upload.js";
import { megabytes } from "./words.js";

const find = (id) => document.getElementById(id);
const form = find("upload");
const input = find("file");
const linkForm = find("link"); // only where the server fetches links
const maxBytes = Number(form.dataset.maxMb) * 1e6;
const batch = new Batch({ maxMegabytes: Number(form.dataset.maxMb), accepted: input.accept.split(","), refuse: problem });

let sending = null; // the upload under way can be stopped by it
let clock = null; // the interval that counts seconds on the page

document.documentElement.classList.add("js");
input.multiple = true;

function say(text) {
  find("live").textContent = text;
}

function show(state) {
  document.body.dataset.state = state;
  form.hidden = state === "working";
  if (linkForm) linkForm.hidden = form.hidden;
  find("work").hidden = state !== "working";
  if (state !== "problem") find("problem").hidden = true;
  clearInterval(clock);
}

function ready() {
  sending = null;
  input.value = "";
  show("ready");
}

function problem(message, { retry = null, title = "This file could not be checked" } = {}) {
  ready();
  show("problem");
  say("");
  find("problem-title").textContent = title;
  find("problem-text").textContent = message;
  find("problem").hidden = false;
  find("retry").hidden = !retry;
  if (retry) offerRetry(retry.wanted, retry.seconds);
  find("problem").focus();
}

function offerRetry(wanted, seconds) {
  const button = find("retry");
  let left = seconds;
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- <= 0) clearInterval(clock);
  };
  button.onclick = () => send(wanted);
  clock = setInterval(tick, 1000);
  tick();
}

/** Sends a File, or the text of a link to one. */
async function send(wanted) {
  const isLink = typeof wanted === "string";
  if (wanted.size > maxBytes) {
    const sizes = `It has ${megabytes(wanted.size)} MB; the limit is ${form.dataset.maxMb} MB.`;
    problem(`The file is larger than the limit. ${sizes}`);
    return;
  }
  const name = isLink ? wanted : wanted.name;
  const doing = isLink ? "Fetching" : "Uploading";
  show("working");
  find("work-name").textContent = name;
  find("bar").value = 0;
  if (isLink) find("bar").removeAttribute("value"); // the server tells no progress of it
  find("stage").textContent = doing;
  find("amount").textContent = "";
  say(`${doing} ${name}`);
  find("cancel").hidden = false;
  find("cancel").focus();
  sending = new AbortController();
  try {
    const status = await upload(wanted, { signal: sending.signal, onProgress: isLink ? null : onProgress });
    find("stage").textContent = isLink ? "Fetched" : "Uploaded";
    find("cancel").hidden = true; // from here on the page of the result has one
    say(`${find("stage").textContent}. Opening the result.`);
    location.assign(status.url);
  } catch (error) {
    if (error.name === "AbortError") return;
    const title = { no_answer: "No answer" }[error.code] ?? "Busy at the moment";
    if (error.retryAfter !== null) problem(error.message, { retry: { wanted, seconds: error.retryAfter }, title });
    else problem(error.message, isLink ? { title: "This link could not be checked" } : {});
  }
}

function onProgress(loaded, total) {
  const percent = Math.floor((100 * loaded) / total);
  find("bar").value = percent;
  find("amount").textContent = `${percent} % · ${megabytes(loaded)} of ${megabytes(total)} MB`;
}

function take(files) {
  if (sending || !files.length) return;
  if (files.length === 1 && !batch.shown) {
    send(files[0]);
    return;
  }
  ready();
  batch.add(files);
}

input.addEventListener("change", () => take([...input.files]));
find("folder").addEventListener("change", (event) => {
  batch.add([...event.target.files], { folder: true });
  event.target.value = "";
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  take([...input.files]);
});
linkForm?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!sending) send(find("media_url").value.trim());
});
find("cancel").addEventListener("click", () => {
  sending?.abort();
  ready();
  say("Cancelled.");
  input.focus();
});

// The whole window takes the drop: a near miss must not make the browser open the file.
let depth = 0; // dragenter and dragleave also come from every child
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const mark = (change) => {
  depth = change === null ? 0 : Math.max(0, depth + change);
  document.body.classList.toggle("dragging", depth > 0 && !sending);
};
addEventListener("dragenter", (event) => carriesFiles(event) && mark(1));
addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  mark(null);
  const { files, folder } = await filesOf(event.dataTransfer);
  if (folder && !sending) batch.add(files, { folder });
  else take(files);
});
addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));

// Coming back from the result, the browser may show this page as it was left: in the middle.
addEventListener("pageshow", (event) => event.persisted && ready());

batch.restore();
