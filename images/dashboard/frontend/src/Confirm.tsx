// A button that asks before it acts, in a dialog whose first choice is to leave things as they are.
import { type JSX, useEffect, useId, useRef, useState } from "react";
import { sentence } from "./format";
import { Icon } from "./Icon";

interface Props {
  icon: "trash" | "stop";
  label: string;
  disabled?: boolean;
  question: string;
  explanation: string;
  confirm: string;
  keep: string;
  act: () => Promise<unknown>;
}

export function Confirm({
  icon,
  label,
  disabled = false,
  question,
  explanation,
  confirm,
  keep,
  act,
}: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const title = useId();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const open = dialog.current;
    return () => open?.close();
  }, []);
  const confirmed = () => {
    dialog.current?.close();
    setProblem("");
    act().catch((error: Error) => setProblem(sentence(error.message)));
  };
  return (
    <div>
      <button
        type="button"
        className="quiet"
        disabled={disabled}
        onClick={() => {
          dialog.current?.showModal();
          first.current?.focus();
        }}
      >
        <Icon name={icon} />
        {label}
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
      <dialog ref={dialog} aria-labelledby={title}>
        <h2 id={title}>{question}</h2>
        <p>{explanation}</p>
        <div className="buttons">
          <button type="button" className="danger" onClick={confirmed}>
            {confirm}
          </button>
          <button type="button" ref={first} className="quiet" onClick={() => dialog.current?.close()}>
            {keep}
          </button>
        </div>
      </dialog>
    </div>
  );
}
