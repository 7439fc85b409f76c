// The model's Markdown as React elements: marked reads it, and only the shapes named here come out. HTML in it is shown
// as the text it is, links and images are shown as words and never followed or loaded. There is no path to innerHTML.
import { Lexer, type Token, type Tokens } from "marked";
import { Fragment, type JSX, type ReactNode, useMemo } from "react";
import type { Figure } from "./api";
import { Fact } from "./Fact";
import { split } from "./numerals";

const LONGEST = 200_000;
interface Context {
  figures: readonly Figure[];
}

/** `skip` leaves out tables under these titles: the page shows them from data instead. */
export function Markdown({
  text,
  figures = [],
  skip = [],
}: {
  text: string;
  figures?: readonly Figure[];
  skip?: readonly string[];
}): JSX.Element {
  const tokens = useMemo(() => without(parse(text), skip), [text, skip]);
  if (tokens === null) return <p className="plain">{text}</p>;
  return <>{blocks(tokens, { figures })}</>;
}

/** null for a text that cannot be read as Markdown (nested beyond reason); it is shown as it is. */
function parse(text: string): Token[] | null {
  try {
    return new Lexer({ gfm: true }).lex(text.slice(0, LONGEST));
  } catch {
    return null;
  }
}

function without(tokens: Token[] | null, titles: readonly string[]): Token[] | null {
  if (tokens === null || titles.length === 0) return tokens;
  const left = tokens.filter((token) => token.type !== "space");
  return left.filter((token, index) => {
    const title = token.type === "table" ? left[index - 1] : left[index + 1]?.type === "table" ? token : undefined;
    return title === undefined || !titles.some((name) => title.raw.trim() === `**${name}**`);
  });
}

function blocks(tokens: readonly Token[], context: Context): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{block(token, context)}</Fragment>);
}

function block(token: Token, context: Context): ReactNode {
  switch (token.type) {
    case "heading":
      return <h3>{inline((token as Tokens.Heading).tokens, context)}</h3>;
    case "paragraph":
      return <p>{inline((token as Tokens.Paragraph).tokens, context)}</p>;
    case "blockquote":
      return <blockquote>{blocks((token as Tokens.Blockquote).tokens, context)}</blockquote>;
    case "list":
      return listing(token as Tokens.List, context);
    case "table":
      return table(token as Tokens.Table, context);
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case "hr":
      return <hr />;
    case "space":
    case "def":
      return null;
    case "text":
      return <p>{inline((token as Tokens.Text).tokens ?? [token], context)}</p>;
    default:
      return <p>{token.raw}</p>;
  }
}

function listing(token: Tokens.List, context: Context): ReactNode {
  const items = token.items.map((item, index) => (
    <li key={index}>
      {item.tokens.map((part, at) => (
        <Fragment key={at}>
          {part.type === "text" ? inline((part as Tokens.Text).tokens ?? [part], context) : block(part, context)}
        </Fragment>
      ))}
    </li>
  ));
  return token.ordered ? <ol start={typeof token.start === "number" ? token.start : 1}>{items}</ol> : <ul>{items}</ul>;
}

/** The backend names the part of the request a figure came in; a reader has never seen the request. */
const GROUPS = new Set(["company_data", "financial_data", "market_data"]);
const cellText = (cell: Tokens.TableCell, context: Context): ReactNode =>
  GROUPS.has(cell.text) ? "supplied with the request" : inline(cell.tokens, context);

function table(token: Tokens.Table, context: Context): ReactNode {
  const side = (index: number) => (token.align[index] === "right" ? "right" : undefined);
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} scope="col" className={side(index)}>
                {inline(cell.tokens, context)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, index) => (
                <td key={index} className={side(index)}>
                  {cellText(cell, context)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[], context: Context): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{piece(token, context)}</Fragment>);
}

function piece(token: Token, context: Context): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{inline((token as Tokens.Strong).tokens, context)}</strong>;
    case "em":
      return <em>{inline((token as Tokens.Em).tokens, context)}</em>;
    case "del":
      return <s>{inline((token as Tokens.Del).tokens, context)}</s>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "escape":
      return (token as Tokens.Escape).text;
    case "link":
      return <LinkAsText token={token as Tokens.Link} context={context} />;
    case "image":
      return <>[image: {(token as Tokens.Image).text || "without a description"}]</>;
    case "text":
      return prose(token as Tokens.Text, context);
    default:
      return token.raw;
  }
}

function LinkAsText({ token, context }: { token: Tokens.Link; context: Context }): JSX.Element {
  const bare = token.text === token.href || token.raw === token.text;
  return (
    <>
      {inline(token.tokens, context)}
      {bare ? null : ` (${token.href})`}
    </>
  );
}

function prose(token: Tokens.Text, context: Context): ReactNode {
  if (token.tokens !== undefined) return inline(token.tokens, context);
  const pieces = split(token.text, context.figures);
  return pieces.map(({ text, figures }, index) =>
    figures.length > 0 ? <Fact key={index} text={text} figures={figures} /> : text,
  );
}
