// Choose a file, see how far it is, the verdict, how sure it is, and the frames it rests on.
import { useState } from "react";
import { judge, SERVER } from "./detector.js";

export default function App() {
  const [state, setState] = useState({ step: "ready" });

  async function choose(event) {
    const [file] = event.target.files;
    if (!file) return;
    setState({ step: "working", name: file.name });
    try {
      const onProgress = (news) => setState({ step: "working", name: file.name, ...news });
      setState({ step: "done", report: await judge(file, onProgress) });
    } catch (error) {
      setState({ step: "failed", message: error.message });
    }
  }

  return (
    <main>
      <h1>Ask the deepfake detector</h1>
      <label>
        Photo or clip <input type="file" onChange={choose} disabled={state.step === "working"} />
      </label>
      <div role="status">{state.step === "working" && <p>Looking at {state.name} …</p>}</div>
      {state.step === "working" && <progress aria-label="Progress" max="100" value={state.progress} />}
      {state.step === "failed" && <p role="alert">{state.message}</p>}
      {state.step === "done" && <Report report={state.report} />}
    </main>
  );
}

function Report({ report }) {
  const { prediction, explanation, frames, file, url } = report;
  return (
    <article className={prediction.toLowerCase()}>
      <h2>{prediction}</h2>
      <Doubt {...report} />
      <ul>
        {explanation.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <p>
        <a href={SERVER + url}>All the evidence</a>
      </p>
      <div className="frames">
        {frames.map((frame, number) => (
          <img key={frame} src={SERVER + frame} alt={`Frame ${number + 1} of ${file.name}, faces marked`} />
        ))}
      </div>
    </article>
  );
}

/** Inconclusive is a normal answer: the probability is shown with the zone that takes no side. */
function Doubt({ probability_fake: probability, thresholds }) {
  if (probability === null) return <p>No face could be judged, so there is no score.</p>;
  // The ends, where the thresholds lie, have one decimal.
  const near = (p) => `${(100 * p).toFixed(p < 0.1 || p >= 0.9 ? 1 : 0)} %`;
  const percent = (p) => (p >= 0.995 ? "over 99 %" : p < 0.005 ? "under 1 %" : near(p));
  return (
    <p>
      <meter value={probability} low={thresholds.real} high={thresholds.fake} optimum="0" /> Probability of
      manipulation {percent(probability)}; Real up to {percent(thresholds.real)}, Fake from{" "}
      {percent(thresholds.fake)}, undecided between.
    </p>
  );
}
