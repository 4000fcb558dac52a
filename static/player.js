// Plays the reader's own copy of the clip beside the timeline, with the faces marked over it.
//
// The server has deleted the clip, and should have: so the reader opens it again from disk. It is
// read by this page alone. Its SHA-256 is compared with that of the analysed file, where the
// browser offers this (on https and on localhost), else its size.

import { chart, choose, current, follow, nearest } from "/static/moments.js";
import { kindOf, labelled } from "/static/words.js";

const player = document.getElementById("player");
const video = document.getElementById("video");
const boxes = document.getElementById("boxes");
const note = document.getElementById("player-note");
const SVG = "http://www.w3.org/2000/svg";
const SAME = "This is the same file: its fingerprint (SHA-256) agrees.";
const SAME_SIZE = "It has the size of the analysed file; whether it is the same could not be checked on this connection.";
const OTHER = "This is not the file that was analysed, so it is not played. Choose the same one.";
const UNPLAYABLE = "This browser cannot play this kind of file. The pictures show the same moments.";

let address = null; // of the file in the browser's memory

async function open(file) {
  close();
  note.textContent = "Comparing the file…";
  let words = SAME_SIZE;
  try {
    if (file.size !== Number(player.dataset.size)) throw new Error(OTHER);
    if (crypto.subtle) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (hex !== player.dataset.sha256) throw new Error(OTHER);
      words = SAME;
    }
  } catch (error) {
    note.textContent = error.message === OTHER ? OTHER : "The file could not be read.";
    return;
  }
  note.textContent = words;
  address = URL.createObjectURL(file);
  video.src = address;
  player.querySelector(".screen").hidden = false;
}

function close() {
  if (address) URL.revokeObjectURL(address);
  address = null;
  video.pause();
  video.removeAttribute("src");
  video.load(); // without this the old one would stay
  player.querySelector(".screen").hidden = true;
}

/** A person's box at a time: between two moments it moves straight from one to the other. */
function boxAt(track, number, time) {
  const at = (each) => chart.boxes[each]?.find(([id]) => id === track);
  const from = at(number);
  const to = at(number + 1);
  if (!from || !to) {
    const near = nearest(time) === number ? from : to;
    return near && { edges: near.slice(1, 5), probability: near[5] };
  }
  const share = (time - chart.times[number]) / (chart.times[number + 1] - chart.times[number]);
  const edges = [1, 2, 3, 4].map((edge) => from[edge] + share * (to[edge] - from[edge]));
  return { edges, probability: (share < 0.5 ? from : to)[5] };
}

function mark(time) {
  const number = Math.max(0, chart.times.findLastIndex((each) => each <= time));
  const seen = chart.tracks.map((track) => [track, boxAt(track.id, number, time)]).filter(([, box]) => box);
  const size = Math.max(12, boxes.viewBox.baseVal.width / 32);
  boxes.replaceChildren(...seen.map(([track, { edges, probability }]) => {
    const [left, top, right, bottom] = edges;
    const group = document.createElementNS(SVG, "g");
    group.setAttribute("class", `is-${kindOf(probability, chart.bands)}`);
    const box = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) {
      box.setAttribute(name, value);
    }
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("y", top > 1.5 * size ? top - size / 3 : bottom + size);
    text.setAttribute("font-size", size);
    text.textContent = labelled(track.name, kindOf(probability, chart.bands), probability);
    group.append(box, text);
    return group;
  }));
  // Drawn, they know their length: none reaches beyond an edge of the picture.
  seen.forEach(([, { edges }], place) => {
    const text = boxes.children[place].lastChild;
    const room = boxes.viewBox.baseVal.width - text.getComputedTextLength();
    text.setAttribute("x", Math.max(0, Math.min(edges[0], room)));
  });
}

function play() {
  mark(video.currentTime);
  if (!video.paused) requestAnimationFrame(play);
}

if (player && chart) {
  player.hidden = false;
  document.getElementById("own-file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file can be tried again
    if (file) open(file);
  });
  video.addEventListener("loadedmetadata", () => { video.currentTime = chart.times[current()]; });
  video.addEventListener("play", play);
  video.addEventListener("seeked", () => mark(video.currentTime));
  video.addEventListener("timeupdate", () => video.paused || choose(nearest(video.currentTime), false));
  video.addEventListener("error", () => {
    if (!address) return;
    close();
    note.textContent = UNPLAYABLE;
  });
  follow((number, seek) => {
    if (!seek || !address) return;
    video.pause();
    video.currentTime = chart.times[number];
  });
}
