// The live connection of a page: asking, and following analyses, over Socket.IO or by polling.

import { io } from "./vendor/socket.io/socket.io.esm.min.js";

const ANSWER_TIMEOUT = 15_000; // ms
const POLL = 1500; // ms between two requests where there is no live connection

export const connect = () => io({ transports: ["websocket"] });

/** Send an event and wait for its answer; rejects with the server's sentence. */
export async function ask(socket, event, ...data) {
  // What is sent to a lost connection would be kept, and come first on the next one.
  if (!socket.connected) throw new Error("The connection was lost.");
  const answer = await socket.timeout(ANSWER_TIMEOUT).emitWithAck(event, ...data);
  if (answer?.error) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer;
}

/** Why no live connection can be made: the server's sentence, or null where it gave none. */
export async function refusal() {
  try {
    const response = await fetch("/socket.io/");
    if (response.status === 400) return null; // a plain request is not what it wants, else all is well
    return (await response.json()).error.message;
  } catch {
    return null;
  }
}

/**
 * Follows analyses to their end, through lost connections. For each one `progress`, `done` and
 * `failed` are called with what the server says of it.
 */
export class Followers {
  #socket = connect();
  #followed = new Map(); // id -> callbacks
  #poll = null;

  constructor() {
    this.#pollUntilConnected();
    this.#socket.on("connect", () => {
      clearInterval(this.#poll);
      this.#poll = null;
      for (const id of this.#followed.keys()) this.#socket.emit("start_analysis", { id });
    });
    this.#socket.on("disconnect", () => this.#pollUntilConnected());
    this.#socket.on("progress_update", (news) => this.#followed.get(news.id)?.progress?.(news));
    this.#socket.on("analysis_complete", (news) => this.#end(news.id, "done", news));
    this.#socket.on("analysis_error", (news) => this.#end(news.id, "failed", news));
  }

  add(id, callbacks) {
    this.#followed.set(id, callbacks);
    if (this.#socket.connected) this.#socket.emit("start_analysis", { id });
  }

  remove(id) {
    if (this.#followed.delete(id) && this.#socket.connected) this.#socket.emit("stop_analysis", { id });
  }

  #pollUntilConnected() {
    this.#poll ??= setInterval(() => this.#ask(), POLL);
  }

  #end(id, how, news) {
    const callbacks = this.#followed.get(id);
    this.#followed.delete(id);
    callbacks?.[how]?.(news);
  }

  async #ask() {
    for (const [id, callbacks] of this.#followed) {
      try {
        const response = await fetch(`/api/v1/analyses/${id}`, { headers: { Accept: "application/json" } });
        const news = await response.json();
        if (response.status === 202) callbacks.progress?.({ ...news, progress: news.percent });
        else if (news.error) this.#end(id, "failed", { id, ...news.error });
        else if (response.ok) this.#end(id, "done", { id, url: news.url });
      } catch {
        // The server is away: the next round asks again.
      }
    }
  }
}
