// Deletes a finished report, after a question.
import { type JSX, useEffect, useRef, useState } from "react";
import type { ReportData } from "./api";
import { Refused, remove } from "./client";
import { sentence } from "./format";
import { Icon } from "./Icon";
import { forget } from "./live";
import { go } from "./router";

export function Remove({ data }: { data: ReportData }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const open = dialog.current;
    return () => open?.close();
  }, []);
  const gone = () => {
    go("#/history");
    forget(data.report_id);
  };
  const erase = () => {
    dialog.current?.close();
    setProblem("");
    remove(data.report_id)
      .then(gone)
      .catch((error: Error) => {
        if (error instanceof Refused && error.status === 404) gone();
        else setProblem(sentence(error.message));
      });
  };
  return (
    <div>
      <button
        type="button"
        className="quiet"
        onClick={() => {
          dialog.current?.showModal();
          keep.current?.focus();
        }}
      >
        <Icon name="trash" />
        Delete
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
      <dialog ref={dialog} aria-labelledby="remove-title">
        <h2 id="remove-title">Delete the report on {data.ticker}?</h2>
        <p>It is deleted for all visitors, and cannot be brought back.</p>
        <div className="buttons">
          <button type="button" className="danger" onClick={erase}>
            Delete report
          </button>
          <button type="button" ref={keep} className="quiet" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
        </div>
      </dialog>
    </div>
  );
}
