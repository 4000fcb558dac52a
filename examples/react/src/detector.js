// The client of the detector: a file is queued over REST, followed over Socket.IO, read over REST.
import { io } from "socket.io-client";

export const SERVER = import.meta.env.VITE_DETECTOR ?? "http://localhost:5000";

/**
 * Judge one file; rejects with the server's sentence. `onProgress` gets each step of the analysis:
 * its stage, its progress in percent, and the probability of manipulation so far.
 */
export async function judge(file, onProgress) {
  const body = new FormData();
  body.append("file", file);
  const { analyses } = await ask("/api/v1/analyses", { method: "POST", body });
  await follow(analyses[0].id, onProgress);
  return ask(analyses[0].status_url);
}

async function ask(path, options) {
  const answer = await (await fetch(SERVER + path, options)).json();
  if (answer.status === "error") throw new Error(answer.error.message);
  return answer;
}

/** Resolves once an analysis has ended; a connection that breaks is made again, a few times. */
function follow(id, onProgress) {
  const line = io(SERVER, { transports: ["websocket"], reconnectionAttempts: 5 });
  return new Promise((resolve, reject) => {
    line.on("connect", () => line.emit("start_analysis", { id }));
    line.on("progress_update", onProgress);
    line.on("analysis_complete", resolve);
    line.on("analysis_error", ({ message }) => reject(new Error(message)));
    line.io.on("reconnect_failed", () => reject(new Error("The live connection broke.")));
  }).finally(() => line.close());
}
