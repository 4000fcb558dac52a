// The drawings of the sound: a line shows where it plays; a click on them leads the player there.

import { chart, follow } from "/static/moments.js";

const drawings = document.querySelector(".voice-drawings");
const playhead = drawings?.querySelector(".playhead");
const recording = document.getElementById("recording");
const LEFT = 56; // px beside the drawings' time axis, as in _voice.html
const RIGHT = 22;

function mark(seconds) {
  const share = seconds / Number(drawings.dataset.lasts);
  playhead.hidden = false;
  playhead.style.left = `calc(${LEFT}px + (100% - ${LEFT + RIGHT}px) * ${share})`;
}

function place({ clientX }) {
  const { left, width } = drawings.getBoundingClientRect();
  const share = (clientX - left - LEFT) / (width - LEFT - RIGHT);
  return Math.min(Math.max(share, 0), 1) * Number(drawings.dataset.lasts);
}

function play() {
  mark(recording.currentTime);
  if (!recording.paused) requestAnimationFrame(play);
}

if (drawings && recording) {
  drawings.classList.add("leads");
  drawings.addEventListener("click", (event) => {
    recording.currentTime = place(event);
    mark(recording.currentTime);
  });
  recording.addEventListener("play", play);
  recording.addEventListener("seeked", () => mark(recording.currentTime));
} else if (drawings && chart) {
  follow((number) => mark(chart.times[number]));
}
recording?.addEventListener("error", () => {
  recording.hidden = true;
  document.getElementById("unplayable").hidden = false;
});
