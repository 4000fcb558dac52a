// The results of a batch as files: CSV for tables, JSON for programs.

const COLUMNS = ["path", "status", "prediction", "judged", "confidence", "probability_fake", "leaning", "odds", "reasons", "face_verdict", "face_probability_fake", "voice_verdict", "voice_probability_fake", "speech_seconds", "faces", "frames_analysed", "seconds", "profile", "id", "error"];

/** What the table and the saved files need of the faces or of the voice. */
export function side(answer) {
  if (!answer) return null;
  const { verdict, judged, probability_fake, leaning, odds, reasons, speech_seconds } = answer;
  return { verdict, judged, probability_fake, leaning, odds, reasons, speech_seconds };
}

/** The fields of a row of the command line that stay the same here, plus its id. */
function result({ path, id, report, error, state }) {
  const failure = error ?? (report ? null : { code: state, message: "There is no answer yet." });
  return {
    path,
    status: report ? "success" : "error",
    prediction: report?.prediction ?? null,
    judged: report?.judged ?? null,
    confidence: report?.confidence ?? null,
    probability_fake: report?.probability_fake ?? null,
    leaning: report?.leaning ?? null,
    odds: report?.odds ?? null,
    reasons: report?.reasons ?? [],
    explanation: report?.explanation ?? [],
    face: report?.face ?? null,
    audio: report?.audio ?? null,
    faces: report?.faces_detected ?? null,
    frames_analysed: report?.frames_analysed ?? null,
    seconds: report?.processing_time ?? null,
    model: report?.model ?? null,
    id,
    ...(failure && { error: failure }),
  };
}

export const toJson = (rows) => JSON.stringify(rows.map(result), null, 2);

export function toCsv(rows) {
  const lines = rows.map(result).map(flat).map((row) => COLUMNS.map((name) => field(row[name])).join(","));
  return [COLUMNS.join(","), ...lines, ""].join("\r\n");
}

function flat(row) {
  return {
    ...row,
    face_verdict: row.face?.verdict,
    face_probability_fake: row.face?.probability_fake,
    voice_verdict: row.audio?.verdict,
    voice_probability_fake: row.audio?.probability_fake,
    speech_seconds: row.audio?.speech_seconds,
    profile: row.model?.profile,
  };
}

function field(value) {
  if (Array.isArray(value)) value = value.join(" ");
  if (value?.message) value = value.message;
  if (typeof value !== "string") return value ?? "";
  // A spreadsheet would run what begins like a formula, and names are written by strangers.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${safe.replaceAll('"', '""')}"`;
}

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
