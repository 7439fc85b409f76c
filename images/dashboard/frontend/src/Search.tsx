// Asking for a report: a combobox that knows the sample companies and takes any ticker.
import { type FormEvent, type JSX, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import type { Company } from "./api";
import { generate, Refused, searchTickers } from "./client";
import { sentence } from "./format";
import { Icon } from "./Icon";
import { go, toReport } from "./router";

const SHAPE = /^[A-Z0-9][A-Z0-9.\-^=]{0,11}$/;
const HOW = "1 to 12 letters, digits, dots or dashes, such as AAPL, BRK.B or 0700.HK";

export function Search({ usable }: { usable: boolean }): JSX.Element {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Company[]>([]);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    let gone = false;
    const timer = setTimeout(
      () =>
        void searchTickers(text)
          .then(({ results }) => {
            if (!gone) {
              setFound(results);
              setAt(-1);
            }
          })
          .catch(() => {
            if (!gone) setFound([]);
          }),
      text === "" ? 0 : 120,
    );
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [text, open]);

  const ask = async (raw: string) => {
    const ticker = raw.trim().toUpperCase();
    if (!SHAPE.test(ticker)) {
      setProblem(ticker === "" ? "Enter a ticker." : `That is not a ticker: ${HOW}.`);
      field.current?.focus();
      return;
    }
    setBusy(true);
    setOpen(false);
    setProblem("");
    try {
      go(toReport((await generate(ticker)).report_id));
    } catch (error) {
      setProblem(
        sentence(error instanceof Error ? error.message : "The report could not be asked for") +
          (error instanceof Refused ? "." : ""),
      );
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  const choose = (company: Company) => {
    setText(company.ticker);
    setOpen(false);
    setProblem("");
    field.current?.focus();
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (found.length > 0) setAt((at + step + found.length + (at < 0 && step < 0 ? 1 : 0)) % found.length);
    } else if (event.key === "Escape") {
      setOpen(false);
    } else if (event.key === "Enter" && open && at >= 0) {
      const company = found[at];
      if (company !== undefined) {
        event.preventDefault();
        choose(company);
      }
    }
  };

  const shown = open && found.length > 0;
  return (
    <form
      className="search"
      noValidate
      role="search"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void ask(text);
      }}
    >
      <label htmlFor={`${id}-field`}>Ticker or company</label>
      <div className="search-row">
        <div className="search-box">
          <Icon name="search" />
          <input
            ref={field}
            id={`${id}-field`}
            type="text"
            value={text}
            maxLength={64}
            placeholder="AAPL"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            role="combobox"
            aria-expanded={shown}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
            aria-describedby={`${id}-hint ${id}-problem`}
            aria-invalid={problem !== ""}
            disabled={!usable}
            onChange={(event) => {
              setText(event.target.value);
              setOpen(true);
              setProblem("");
            }}
            onFocus={() => setOpen(true)}
            onClick={() => setOpen(true)}
            onBlur={() => setOpen(false)}
            onKeyDown={onKey}
          />
          <ul id={`${id}-list`} role="listbox" aria-label="Companies with data" className="options" hidden={!shown}>
            {found.map((company, index) => (
              <li
                key={company.ticker}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === at}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => choose(company)}
              >
                <b>{company.ticker}</b> <span>{company.name}</span>
                {company.fictional ? <span className="tag">fictional</span> : null}
              </li>
            ))}
          </ul>
        </div>
        <button type="submit" className="primary" disabled={!usable || busy}>
          {busy ? "Asking" : "Write report"}
        </button>
      </div>
      <p id={`${id}-hint`} className="fine">
        A sample company from the list, or any ticker: {HOW}.
      </p>
      <p id={`${id}-problem`} className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
