// The moments of the clip and which one is chosen; chart, pictures and player follow it.

const data = document.getElementById("chart-data");

/** What the page says of the clip: times, boxes and people's scores; null where nobody was judged. */
export const chart = data && JSON.parse(data.textContent);

/** The links of all annotated frames, in order of time. */
export const frames = [...document.querySelectorAll(".gallery a[data-frame]")];

const followers = [];
let chosen = -1;

export const current = () => chosen;

/** Call `follower(number, seek)` at every choice; `seek` is false while the clip itself leads. */
export function follow(follower) {
  followers.push(follower);
}

/** Choose a moment by its place in time, 0 to frames.length - 1. */
export function choose(number, seek = true) {
  const next = Math.min(Math.max(number, 0), frames.length - 1);
  if (next === chosen) return;
  chosen = next;
  for (const follower of followers) follower(chosen, seek);
}

/** Choose by keyboard; true when the key was one of ours. */
export function chooseByKey({ key }) {
  const page = Math.max(2, Math.round(frames.length / 10));
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page }[key];
  if (step) choose(chosen + step);
  else if (key === "Home") choose(0);
  else if (key === "End") choose(frames.length - 1);
  else return false;
  return true;
}

/** The moment nearest to a time in seconds. */
export function nearest(time) {
  let best = 0;
  chart.times.forEach((each, number) => {
    if (Math.abs(each - time) < Math.abs(chart.times[best] - time)) best = number;
  });
  return best;
}

export function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}
