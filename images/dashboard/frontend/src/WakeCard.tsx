// The wake of the GPU on a screen: why it does not happen, its figures, and the button where only that starts it.
import { type JSX, useEffect, useState } from "react";
import type { Deployment } from "./api";
import { wake as request } from "./client";
import { sentence } from "./format";
import { Icon } from "./Icon";
import { Said } from "./parts";
import { needsButton, wakeFigures } from "./wake";

const SEEN_MS = 15_000;

/** Why the machine is not woken, with the figures of a wake, and the button where only that wakes it. */
export function WakeCard({ machine }: { machine: Deployment | null }): JSX.Element | null {
  const wake = machine?.wake ?? null;
  if (machine === null || wake === null || machine.state === "ready" || machine.state === "draining") return null;
  const figures = wakeFigures(wake);
  return (
    <div className="wake">
      {wake.problem === null ? null : (
        <p className="problem" role="status">
          <Said text={`${sentence(wake.problem)}.`} />
        </p>
      )}
      {figures === "" ? null : <p className="fine">{figures}</p>}
      {wake.phase === "waking" && wake.progress !== null ? (
        <progress className="thin" max={1} value={wake.progress} aria-label="Start of the machine" />
      ) : null}
      {needsButton(machine) ? <WakeButton wanted={wake.wanted} /> : null}
    </div>
  );
}

function WakeButton({ wanted }: { wanted: boolean }): JSX.Element {
  const [pressed, setPressed] = useState(false);
  const [problem, setProblem] = useState("");
  // A request is over when the dashboard no longer has it, and an answer that told of it may have been missed.
  useEffect(() => {
    if (!pressed) return;
    if (wanted) return () => setPressed(false);
    const timer = setTimeout(() => setPressed(false), SEEN_MS);
    return () => clearTimeout(timer);
  }, [pressed, wanted]);
  const press = () => {
    setPressed(true);
    setProblem("");
    request().catch((error: Error) => {
      setPressed(false);
      setProblem(`${sentence(error.message)}.`);
    });
  };
  const going = wanted || pressed;
  return (
    <div className="buttons">
      <button type="button" className="primary" disabled={going} onClick={press}>
        <Icon name="power" />
        {going ? "Wake requested" : "Wake the GPU"}
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
