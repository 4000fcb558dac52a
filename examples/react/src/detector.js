// The client of the detector's API: one file in, one report out.

export const SERVER = import.meta.env.VITE_DETECTOR ?? "http://localhost:5000";

/** Judge one file; rejects with the server's sentence. */
export async function judge(file) {
  const body = new FormData();
  body.append("file", file);
  const answer = await fetch(`${SERVER}/predict`, { method: "POST", body });
  const report = await answer.json();
  if (report.status === "error") throw new Error(report.error.message);
  return report;
}
