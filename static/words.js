// How numbers and answers are written, as backend/wording.py writes them.

/** A probability in percent; nothing is ever 0 % or 100 %, and the ends have one decimal. */
export function percent(p) {
  if (p >= 0.995) return "over 99\u00a0%";
  return p < 0.005 ? "under 1\u00a0%" : `${(100 * p).toFixed(p < 0.1 || p >= 0.9 ? 1 : 0)}\u00a0%`;
}

/** A threshold in percent, with up to two decimals. */
export const exact = (p) => `${Number((100 * p).toFixed(2))}\u00a0%`;

/** The label of a box: whose face it is, and what it scores in one picture. */
export function labelled(name, kind, p) {
  if (p === null) return `${name} · not judged`;
  return `${name} · ${kind === "unsure" ? "undecided" : kind} · P(fake) ${percent(p)}`;
}

/** Seconds for people: "7 s", "2 min". */
export function duration(seconds) {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

export const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
