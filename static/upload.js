// Sends one file, or a link to one, to be analysed, and says how far it has come.

const BROKEN = "The connection broke before the answer came. Check that the server is running, then try again.";
const STRANGE = "The server gave an answer that could not be read. Please try again.";

/** A file that was not taken: `retryAfter` in seconds where it makes sense to try again. */
export class Refused extends Error {
  constructor(message, code, retryAfter = null) {
    super(message);
    Object.assign(this, { code, retryAfter });
  }
}

/**
 * Takes a File, or the text of a link. Resolves to the status of the new analysis, rejects with
 * Refused, or with an AbortError.
 * `onProgress` gets the bytes sent and all of them. Once all have arrived, an abort waits for the
 * answer and has the analysis deleted: the server would go on with it.
 */
export function upload(wanted, { onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/api/v1/analyses");
    xhr.setRequestHeader("Accept", "application/json");
    xhr.responseType = "json";
    xhr.upload.onprogress = ({ loaded, total }) => onProgress?.(loaded, total);
    let arrived = false;
    xhr.upload.onload = () => (arrived = true);
    xhr.onload = () => {
      const [status] = xhr.response?.analyses ?? [];
      const error = xhr.response?.error ?? status?.error;
      if (signal?.aborted && status?.id) fetch(status.status_url, { method: "DELETE" });
      else if (status?.url && !error) resolve(status);
      else reject(new Refused(error?.message ?? STRANGE, error?.code, retryAfter(xhr)));
    };
    xhr.onerror = () => reject(new Refused(BROKEN, "no_answer", 0));
    signal?.addEventListener("abort", () => {
      if (!arrived) xhr.abort();
      reject(new DOMException("Cancelled.", "AbortError"));
    });
    const body = new FormData();
    if (typeof wanted === "string") body.append("media_url", wanted);
    else body.append("file", wanted, wanted.name);
    xhr.send(body);
  });
}

function retryAfter(xhr) {
  const busy = xhr.status === 429 || xhr.status === 503;
  return busy ? Number(xhr.getResponseHeader("Retry-After")) || 5 : null;
}
