// The page of an analysis that is not done: shows its progress, then becomes the results page.

import { Followers } from "./live.js";
import { duration, percent } from "./words.js";

const find = (id) => document.getElementById(id);
const page = find("waiting");
const name = document.title.slice(document.title.indexOf(":"));
let stage = null;

function show(news) {
  const text = page.dataset[news.stage];
  const left = news.eta_seconds ? ` · about ${duration(news.eta_seconds)} left` : "";
  const moments = news.frames_total > 1 ? ` · ${news.frames_done} of ${news.frames_total} moments` : "";
  find("bar").value = news.progress;
  find("amount").textContent = `${news.progress} %${moments}${left}`;
  document.title = `${news.progress} %${name}`;
  const p = news.probability_fake ?? news.partial?.probability_fake ?? null;
  find("so-far").textContent = p === null ? "" : `So far ${percent(p)} probability of manipulation; the answer may differ.`;
  if (stage !== news.stage) find("stage").textContent = find("live").textContent = text;
  stage = news.stage;
}

// Both ends are told by the same address: as the results, or as the reason why there are none.
const reload = () => location.reload();
const followers = new Followers();
followers.add(page.dataset.id, { progress: show, done: reload, failed: reload });
// Who cancels leaves this page; hearing that the analysis is gone must not call them back.
page.querySelector("form").addEventListener("submit", () => followers.remove(page.dataset.id));
