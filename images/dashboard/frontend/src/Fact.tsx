// A number that says where it comes from: on hover, on focus, on tap. Escape closes. Read out as its description.
import { type JSX, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import type { Figure } from "./api";
import { NOT_KNOWN } from "./format";

const describe = (figure: Figure): string =>
  `${figure.label} ${figure.display ?? ""}, source: ${figure.source ?? NOT_KNOWN}, as of ${figure.as_of ?? NOT_KNOWN}`;

export function Fact({ text, figures }: { text: string; figures: readonly Figure[] }): JSX.Element {
  const [open, setOpen] = useState(false);
  const id = useId();
  const anchor = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !anchor.current?.contains(event.target as Node))
        setOpen(false);
    };
    document.addEventListener("keydown", close);
    document.addEventListener("pointerdown", close);
    return () => {
      document.removeEventListener("keydown", close);
      document.removeEventListener("pointerdown", close);
    };
  }, [open]);
  return (
    <span
      className="fact-box"
      onPointerEnter={(event) => event.pointerType === "mouse" && setOpen(true)}
      onPointerLeave={(event) => event.pointerType === "mouse" && setOpen(false)}
    >
      <button
        ref={anchor}
        type="button"
        className="fact"
        aria-describedby={id}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onClick={() => setOpen(true)}
      >
        {text}
      </button>
      <span id={id} hidden>
        {figures.map(describe).join("; ")}
      </span>
      {open ? <Card anchor={anchor} figures={figures} /> : null}
    </span>
  );
}

function Card({
  anchor,
  figures,
}: {
  anchor: React.RefObject<HTMLButtonElement | null>;
  figures: readonly Figure[];
}): JSX.Element {
  const card = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const place = () => {
      const [from, own] = [anchor.current?.getBoundingClientRect(), card.current];
      if (from === undefined || own === null) return;
      const size = own.getBoundingClientRect();
      const below = from.bottom + 6 + size.height < window.innerHeight || from.top < size.height + 6;
      own.style.left = `${Math.max(8, Math.min(from.left, window.innerWidth - size.width - 8))}px`;
      own.style.top = `${below ? from.bottom : from.top - size.height}px`;
      own.dataset.side = below ? "below" : "above";
    };
    place();
    window.addEventListener("scroll", place, { passive: true, capture: true });
    return () => window.removeEventListener("scroll", place, { capture: true });
  }, [anchor]);
  return (
    <span ref={card} className="fact-card" role="presentation" aria-hidden="true">
      {figures.length > 1 ? <span className="fact-note">Several figures have this value</span> : null}
      {figures.map((figure) => (
        <span key={figure.fact_id} className="fact-row">
          <span className="fact-label">{figure.label}</span>
          <span className="fact-value">{figure.display ?? figure.value}</span>
          <span className="fact-source">
            {figure.derived ? "Computed. " : ""}
            {figure.source ?? `Source ${NOT_KNOWN}`}
          </span>
          <span className="fact-source">{figure.as_of === null ? `Date ${NOT_KNOWN}` : `As of ${figure.as_of}`}</span>
        </span>
      ))}
    </span>
  );
}
