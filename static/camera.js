// The live camera page: sends one picture at a time, draws boxes, shows the verdict and its doubt.

import { ask, connect, refusal } from "./live.js";
import { kindOf, percent } from "./words.js";

const QUALITY = 0.85; // of the JPEG
const SHORTEST = 66; // ms between two pictures: more a second tell no more
const REST = 20_000; // ms without a picture; the server gives the place away after 30 s
const CALM = 2000; // ms between two things said to screen readers
const RATE = 3000; // ms that the number of pictures a second is counted over
const DENIED = "The camera was not allowed. Allow it for this page in your browser, then start again.";
const PROBLEMS = {
  NotAllowedError: DENIED,
  SecurityError: DENIED,
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

const find = (id) => document.getElementById(id);
const page = find("camera");
const video = find("video");
const boxes = find("boxes");
const bands = JSON.parse(page.dataset.bands);
const picture = document.createElement("canvas"); // what is sent

let session = null; // the running camera: { stream, socket, longSide, answered }
let said = { text: "", at: 0 };

function problem(text) {
  find("problem-text").textContent = text;
  find("problem").hidden = false;
}

function show(running) {
  find("start").hidden = running;
  find("stop").hidden = !running;
  find("idle").hidden = running;
  video.hidden = boxes.hidden = !running;
}

async function start() {
  find("problem").hidden = true;
  if (!navigator.mediaDevices) {
    problem("Browsers give the camera only to pages at localhost or over HTTPS.");
    return;
  }
  find("start").disabled = true;
  try {
    const wanted = { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
    session = { stream, socket: null, longSide: 0, answered: [] };
    stream.getVideoTracks()[0].addEventListener("ended", () => stop());
    video.srcObject = stream;
    await video.play();
    show(true);
    find("stop").focus();
    run(session);
  } catch (error) {
    stop();
    problem(PROBLEMS[error.name] ?? "The camera could not be started.");
  } finally {
    find("start").disabled = false;
  }
}

function stop() {
  session?.stream.getTracks().forEach((track) => track.stop());
  session?.socket?.disconnect();
  session = null;
  video.srcObject = null;
  find("answer").hidden = true;
  find("rate").textContent = "";
  show(false);
}

/** Take a place for the camera, after each connection anew, and keep sending while it is ours. */
function run(mine) {
  mine.socket = connect(); // not before now: who is connected at once would not be heard of
  mine.socket.on("connect", async () => {
    const { id } = mine.socket;
    try {
      mine.longSide = (await ask(mine.socket, "camera_start")).long_side;
      find("problem").hidden = true;
      await sendAll(mine);
    } catch (error) {
      if (session === mine && mine.socket.id === id) {
        stop();
        problem(error.message);
      }
    }
  });
  mine.socket.on("disconnect", () => {
    find("answer").hidden = true; // it was of seconds that are over
    boxes.getContext("2d").clearRect(0, 0, boxes.width, boxes.height);
  });
  mine.socket.on("connect_error", async ({ data }) => {
    if (data?.message) stop(); // it is refused for good, as where a sign-in has ended
    problem(data?.message ?? (await refusal()) ?? "There is no connection to the server. Trying again …");
  });
}

async function sendAll(mine) {
  while (session === mine && mine.socket.connected) {
    const begin = performance.now();
    await new Promise(requestAnimationFrame); // rests while the page is hidden
    // Who sends nothing for long has lost the place, and is given one again or told that there is none.
    if (performance.now() - begin > REST) await ask(mine.socket, "camera_start");
    const answer = await ask(mine.socket, "camera_frame", await jpeg(mine.longSide));
    if (session !== mine) return;
    draw(answer);
    tell(answer);
    count(mine);
    await new Promise((resolve) => setTimeout(resolve, SHORTEST - (performance.now() - begin)));
  }
}

async function jpeg(longSide) {
  const scale = Math.min(1, longSide / Math.max(video.videoWidth, video.videoHeight));
  picture.width = Math.round(video.videoWidth * scale);
  picture.height = Math.round(video.videoHeight * scale);
  picture.getContext("2d").drawImage(video, 0, 0, picture.width, picture.height);
  const blob = await new Promise((resolve) => picture.toBlob(resolve, "image/jpeg", QUALITY));
  return blob.arrayBuffer();
}

/** Boxes over the picture, which is shown mirrored; a sign beside the colour tells what they say. */
function draw({ width, height, faces }) {
  boxes.width = width;
  boxes.height = height;
  find("viewfinder").style.aspectRatio = `${width} / ${height}`;
  const context = boxes.getContext("2d");
  context.font = "600 15px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const { box, name, probability, concern } of faces) {
    const [left, right] = [width - box[2], width - box[0]];
    const [top, bottom] = [box[1], box[3]];
    const kind = kindOf(probability, bands);
    const style = getComputedStyle(boxes).getPropertyValue(`--box-${kind}`);
    context.strokeStyle = context.fillStyle = style;
    context.lineWidth = 3;
    context.setLineDash(kind === "none" ? [6, 6] : []);
    context.strokeRect(left, top, right - left, bottom - top);
    const value = probability === null ? (concern ?? "").replace("face_", "").replaceAll("_", " ") : `P(fake) ${percent(probability)}`;
    const text = faces.length > 1 ? `${name}: ${value}` : value;
    const wide = context.measureText(text).width + 12;
    const [x, y] = [Math.max(0, Math.min(left - 1.5, width - wide)), Math.max(0, top - 24)];
    context.fillRect(x, y, wide, 24);
    context.fillStyle = "#fff";
    context.fillText(text, x + 6, y + 12);
  }
}

function tell({ kind, title, headline, doubt, probability_fake: p }) {
  const panel = find("answer");
  panel.hidden = false;
  panel.className = `answer live-answer is-${kind}`;
  for (const sign of panel.querySelectorAll("[data-kind]")) sign.hidden = sign.dataset.kind !== kind;
  find("prediction").textContent = title;
  find("headline").textContent = headline;
  find("doubt").textContent = doubt;
  find("scale").hidden = p === null;
  if (p !== null) point(p);
  const now = Date.now();
  if (headline !== said.text && now - said.at > CALM) {
    find("live").textContent = `${title}. ${headline}`;
    said = { text: headline, at: now };
  }
}

function point(p) {
  const drawn = [...document.querySelectorAll("#scale .band")];
  const place = drawn.findLastIndex(({ dataset }) => p >= Number(dataset.low));
  const { low, high, name } = drawn[place].dataset;
  drawn.forEach((band, number) => band.classList.toggle("is-here", number === place));
  const at = (place + (p - low) / (high - low)) / drawn.length;
  document.querySelector("#scale .needle").setAttribute("x", `${100 * at}%`);
  document.querySelector("#scale title").textContent = `From Real to Fake: the score lies in “${name}”.`;
}

function count(mine) {
  const now = performance.now();
  mine.answered.push(now);
  mine.answered = mine.answered.filter((moment) => moment > now - RATE);
  const { answered } = mine;
  if (answered.length < 2) return;
  const rate = (1000 * (answered.length - 1)) / (now - answered[0]);
  find("rate").textContent = rate < 1.5 ? "1 picture a second or less" : `${Math.round(rate)} pictures a second`;
}

find("start").addEventListener("click", start);
find("stop").addEventListener("click", () => {
  stop();
  find("start").focus();
});
addEventListener("pagehide", stop);
document.documentElement.classList.add("js");
show(false);
