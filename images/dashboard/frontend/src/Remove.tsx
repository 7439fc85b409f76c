// Deletes a finished report, after a question.
import type { JSX } from "react";
import type { ReportData } from "./api";
import { Confirm } from "./Confirm";
import { Refused, remove } from "./client";
import { forget } from "./live";
import { go } from "./router";

export function Remove({ data }: { data: ReportData }): JSX.Element {
  const gone = () => {
    go("#/history");
    forget(data.report_id);
  };
  const erase = () =>
    remove(data.report_id)
      .catch((error: Error) => {
        if (!(error instanceof Refused && error.status === 404)) throw error;
      })
      .then(gone);
  return (
    <Confirm
      icon="trash"
      label="Delete"
      question={`Delete the report on ${data.ticker}?`}
      explanation="It is deleted for all visitors, and cannot be brought back."
      confirm="Delete report"
      keep="Keep it"
      act={erase}
    />
  );
}
