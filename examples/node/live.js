// Sends one file in pieces over Socket.IO and prints each step: `node live.js FILE [SERVER] [KEY]`.
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { io } from "socket.io-client";

const [path, server = "http://localhost:5000", key] = process.argv.slice(2);
if (!path) {
  console.error("node live.js FILE [SERVER] [KEY]");
  process.exit(2);
}
const line = io(server, { transports: ["websocket"], auth: { key }, reconnection: false });

/** Sends an event, and resolves to what it is acknowledged by. */
async function ask(event, data) {
  const answer = await line.timeout(120_000).emitWithAck(event, data);
  if (answer.error) fail(answer.error.message);
  return answer;
}

function fail(message) {
  console.error(message);
  process.exit(3);
}

line.on("connect_error", (error) => fail(error.message));
line.on("progress_update", ({ stage, progress }) => console.log(`${stage} ${progress} %`));
line.on("analysis_error", ({ message }) => fail(message));
line.on("analysis_complete", async ({ id }) => {
  const headers = key ? { "X-API-Key": key } : {};
  const report = await (await fetch(`${server}/api/v1/analyses/${id}`, { headers })).json();
  console.log(report.prediction, report.probability_fake);
  line.close();
});

line.on("connect", async () => {
  const file = await open(path);
  const { size } = await file.stat();
  const { id, chunk_bytes } = await ask("upload_begin", { name: basename(path), size });
  const piece = Buffer.alloc(chunk_bytes);
  for (let index = 0; ; index++) {
    const { bytesRead } = await file.read(piece, 0, chunk_bytes);
    if (!bytesRead) break;
    await ask("upload_chunk", { id, index, data: piece.subarray(0, bytesRead) });
  }
  await file.close();
  await ask("upload_end", { id });
});
