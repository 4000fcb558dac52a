// The drawings of the sound: a line shows where it plays; a click on them leads there.

import { chart, choose, current, follow, nearest } from "/static/moments.js";

const drawings = [...document.querySelectorAll(".voice-drawings")];
const recording = document.getElementById("recording");
const LEFT = 56; // px beside the drawings' time axis, as in _voice.html
const RIGHT = 22;

function mark(seconds) {
  for (const drawing of drawings) {
    const playhead = drawing.querySelector(".playhead");
    const share = seconds / Number(drawing.dataset.lasts);
    playhead.hidden = false;
    playhead.style.left = `calc(${LEFT}px + (100% - ${LEFT + RIGHT}px) * ${share})`;
  }
}

function place({ currentTarget, clientX }) {
  const { left, width } = currentTarget.getBoundingClientRect();
  const share = (clientX - left - LEFT) / (width - LEFT - RIGHT);
  return Math.min(Math.max(share, 0), 1) * Number(currentTarget.dataset.lasts);
}

function play() {
  mark(recording.currentTime);
  if (!recording.paused) requestAnimationFrame(play);
}

function lead(drawing, go) {
  drawing.classList.add("leads");
  drawing.addEventListener("click", (event) => go(place(event)));
}

if (recording) {
  for (const drawing of drawings) lead(drawing, (seconds) => { recording.currentTime = seconds; });
  recording.addEventListener("play", play);
  recording.addEventListener("seeking", () => mark(recording.currentTime));
  recording.addEventListener("error", () => {
    recording.hidden = true;
    document.getElementById("unplayable").hidden = false;
  });
} else if (chart) {
  for (const drawing of drawings) lead(drawing, (seconds) => choose(nearest(seconds)));
  follow((number) => mark(chart.times[number]));
  if (current() >= 0) mark(chart.times[current()]);
}
