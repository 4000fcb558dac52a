// How numbers and answers are written, as backend/wording.py writes them.

/** A probability in percent; nothing is ever 0 % or 100 %, and the ends have one decimal. */
export function percent(p) {
  if (p >= 0.995) return "over 99\u00a0%";
  return p < 0.005 ? "under 1\u00a0%" : `${(100 * p).toFixed(p < 0.1 || p >= 0.9 ? 1 : 0)}\u00a0%`;
}

/** What an answer says: one of the kinds that the page has an icon and a name for. */
export function answerKind({ judged, prediction, leaning }) {
  if (!judged) return "none";
  if (prediction !== "Inconclusive") return prediction.toLowerCase();
  return leaning ? `leans-${leaning}` : "unsure";
}

/** Odds: 7.2 is "7 to 1", 1.5 "3 to 2". */
export function toOne(odds) {
  if (odds > 99) return "99+\u00a0to\u00a01";
  const halves = Math.round(2 * odds);
  return halves === 3 || halves === 5 ? `${halves}\u00a0to\u00a02` : `${Math.round(odds)}\u00a0to\u00a01`;
}

const WORDS = { "leans-fake": "leans fake", unsure: "undecided", "leans-real": "leans real" };

/** What a probability says: the kind of its band of the scale. */
export function kindOf(p, bands) {
  return p === null ? "none" : bands.findLast(({ low }) => p >= low).kind;
}

/** The label of a box: whose face it is, and what it scores in one picture. */
export function labelled(name, kind, p) {
  if (p === null) return `${name} · not judged`;
  return `${name} · ${WORDS[kind] ?? kind} · P(fake) ${percent(p)}`;
}

/** Seconds for people: "7 s", "2 min". */
export function duration(seconds) {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

export const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
