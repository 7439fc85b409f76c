import { render } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Markdown } from "../src/Markdown";

const shown = (text: string, skip: string[] = []) => render(<Markdown text={text} skip={skip} />).container;

// What a model, a filing or a person could put into a report to make the page do something.
const CORPUS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=javascript:alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>",
  "<body onload=alert(1)>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:msgbox)",
  "[x](&#106;avascript:alert(1))",
  '[x]( javascript:alert(1) "t")',
  "<javascript:alert(1)>",
  "![x](javascript:alert(1))",
  "![x](https://tracker.example/pixel.png)",
  '!["onerror=alert(1)](x)',
  "[x]: javascript:alert(1)\n\n[x]",
  "https://evil.example/<script>",
  "<style>body{display:none}</style>",
  "<link rel=stylesheet href=//evil.example>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "<form action=//evil.example><input name=q>",
  "<object data=x></object>",
  "<embed src=x>",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content=0;url=//evil.example>",
  "<details open ontoggle=alert(1)>",
  "<video><source onerror=alert(1)>",
  "```html\n<script>alert(1)</script>\n```",
  "`<img src=x onerror=alert(1)>`",
  "| <img src=x onerror=alert(1)> | b |\n| --- | --- |\n| <script>1</script> | [x](javascript:1) |",
  "# <script>alert(1)</script>",
  "- <img src=x onerror=alert(1)>",
  "> <svg onload=alert(1)>",
  "**<script>alert(1)</script>**",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "<!--><script>alert(1)</script>-->",
  "<![CDATA[<script>alert(1)</script>]]>",
  "<scr\u0000ipt>alert(1)</scr\u0000ipt>",
  "\u202e<script>alert(1)</script>",
  "constructor __proto__ [toString](hasOwnProperty)",
];
const ALLOWED = new Set([
  "P",
  "H3",
  "UL",
  "OL",
  "LI",
  "STRONG",
  "EM",
  "S",
  "CODE",
  "PRE",
  "BR",
  "HR",
  "BLOCKQUOTE",
  "DIV",
  "TABLE",
  "THEAD",
  "TBODY",
  "TR",
  "TH",
  "TD",
]);
const ATTRIBUTES = new Set(["class", "tabindex", "role", "aria-label", "scope", "start"]);

describe("text of a model", () => {
  it.each(CORPUS)("%s is shown and does nothing", (attack) => {
    for (const text of [
      attack,
      `${attack}\n\n${attack}`,
      `words ${attack} words`,
      `- ${attack}\n  - ${attack}`,
      `**Table**\n\n| a |\n|---|\n| ${attack.replaceAll("\n", " ")} |`,
    ]) {
      const page = shown(text);
      for (const node of page.querySelectorAll("*")) {
        expect(ALLOWED).toContain(node.tagName);
        for (const { name } of node.attributes) expect(ATTRIBUTES).toContain(name);
      }
    }
  });

  it("keeps the words of what it does not render", () => {
    expect(shown("a <b>bold</b> word").textContent).toBe("a <b>bold</b> word");
    expect(shown("[here](https://a.example/x)").textContent).toBe("here (https://a.example/x)");
    expect(shown("![a chart](https://a.example/x)").textContent).toBe("[image: a chart]");
  });

  it("renders what the backend writes", () => {
    const page = shown(
      "## Head\n\nA **bold** *word* and `code`.\n\n1. one\n2. two\n\n> said\n\n| Figure | Value |\n| --- | ---: |\n| Revenue | $1 |",
    );
    expect(
      [...page.querySelectorAll("h3, strong, em, code, ol li, blockquote, td.right")].map((node) => node.textContent),
    ).toEqual(["Head", "bold", "word", "code", "one", "two", "said", "$1"]);
  });

  it("leaves out a table that is shown from data, and only that", () => {
    const table = (title: string) => `**${title}**\n\n| a |\n|---|\n| ${title} cell |`;
    const page = shown(`before\n\n${table("Income")}\n\n${table("Other")}\n\nafter`, ["Income"]);
    expect(page.textContent).not.toContain("Income");
    expect(page.textContent).toContain("Other cell");
    expect(page.textContent).toContain("before");
    expect(page.textContent).toContain("after");
  });

  it("shows what is nested beyond reason as plain text", () => {
    expect(shown(`${">".repeat(20_000)} deep`).textContent).toContain("deep");
    expect(shown(`${"*".repeat(5000)}a${"*".repeat(5000)}`).textContent).toContain("a");
    expect(shown("[".repeat(3000)).textContent).toContain("[");
  });
});
