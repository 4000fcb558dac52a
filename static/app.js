// The upload page: takes a file by drop, choice or paste, sends it, shows progress and problems.

const LOOKING = "Looking for faces…";
const BROKEN = "The connection broke before the answer came. Check that the server is running, then try again.";
const STRANGE = "The server gave an answer that could not be read. Please try again.";

const find = (id) => document.getElementById(id);
const form = find("upload");
const input = find("file");
const maxBytes = Number(form.dataset.maxMb) * 1e6;

let request = null; // the upload under way
let clock = null; // the interval that counts seconds on the page

document.documentElement.classList.add("js");

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

function say(text) {
  find("live").textContent = text;
}

function show(state) {
  document.body.dataset.state = state;
  form.hidden = state === "working";
  find("work").hidden = state !== "working";
  if (state !== "problem") find("problem").hidden = true;
  clearInterval(clock);
}

function ready() {
  request = null;
  input.value = "";
  show("ready");
}

function problem(message, { retry = null, title = "This file could not be checked" } = {}) {
  request = null;
  input.value = "";
  show("problem");
  say("");
  find("problem-title").textContent = title;
  find("problem-text").textContent = message;
  find("problem").hidden = false;
  find("retry").hidden = !retry;
  if (retry) offerRetry(retry.file, retry.seconds);
  find("problem").focus();
}

function offerRetry(file, seconds) {
  const button = find("retry");
  let left = seconds;
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- <= 0) clearInterval(clock);
  };
  button.onclick = () => send(file);
  clock = setInterval(tick, 1000);
  tick();
}

function send(file) {
  if (file.size > maxBytes) {
    const sizes = `It has ${megabytes(file.size)} MB; the limit is ${form.dataset.maxMb} MB.`;
    problem(`The file is larger than the limit. ${sizes}`);
    return;
  }
  show("working");
  find("work-name").textContent = file.name;
  find("bar").value = 0;
  find("stage").textContent = "Uploading";
  find("amount").textContent = "";
  say(`Uploading ${file.name}`);
  find("cancel").focus();

  const xhr = new XMLHttpRequest();
  request = xhr;
  xhr.open("POST", form.action);
  xhr.setRequestHeader("Accept", "application/json");
  xhr.responseType = "json";
  xhr.upload.onprogress = ({ loaded, total }) => {
    const percent = Math.floor((100 * loaded) / total);
    find("bar").value = percent;
    find("amount").textContent = `${percent} % · ${megabytes(loaded)} of ${megabytes(total)} MB`;
  };
  xhr.upload.onload = look;
  xhr.onload = () => answer(xhr, file);
  xhr.onerror = () => problem(BROKEN, { retry: { file, seconds: 0 }, title: "No answer" });
  const body = new FormData();
  body.append("file", file, file.name);
  xhr.send(body);
}

/** The bytes have arrived; what follows has no known length. */
function look() {
  const start = Date.now();
  find("stage").textContent = LOOKING;
  find("bar").removeAttribute("value");
  find("amount").textContent = "";
  say(LOOKING);
  clock = setInterval(() => {
    find("amount").textContent = `${Math.round((Date.now() - start) / 1000)} s`;
  }, 1000);
}

function answer(xhr, file) {
  const body = xhr.response;
  if (xhr.status === 200 && body?.url) {
    find("stage").textContent = "Done";
    say("Done. Opening the result.");
    location.assign(body.url);
  } else if (xhr.status === 429 || xhr.status === 503) {
    const seconds = Number(xhr.getResponseHeader("Retry-After")) || 5;
    const title = "Busy at the moment";
    problem(body?.error?.message ?? STRANGE, { retry: { file, seconds }, title });
  } else {
    problem(body?.error?.message ?? STRANGE);
  }
}

function take(files) {
  if (request || !files.length) return;
  if (files.length > 1) problem("Give one file at a time, please.", { title: "That is more than one file" });
  else send(files[0]);
}

input.addEventListener("change", () => take([...input.files]));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  take([...input.files]);
});
find("cancel").addEventListener("click", () => {
  request?.abort();
  ready();
  say("Cancelled.");
  input.focus();
});

// The whole window takes the drop: a near miss must not make the browser open the file.
let depth = 0; // dragenter and dragleave also come from every child
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const mark = (change) => {
  depth = change === null ? 0 : Math.max(0, depth + change);
  document.body.classList.toggle("dragging", depth > 0 && !request);
};
addEventListener("dragenter", (event) => carriesFiles(event) && mark(1));
addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  mark(null);
  take([...event.dataTransfer.files]);
});
addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));

// Coming back from the result, the browser may show this page as it was left: in the middle.
addEventListener("pageshow", (event) => event.persisted && ready());
