import { expect, test } from "vitest";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readInline, readMarkdown, type Block, type Inline } from "../src/markdown.ts";

const words = (inline: Inline[]): string => inline.map((piece) => piece.text).join("");

test("headings, paragraphs, lists, bold and italic", () => {
  expect(readMarkdown("# A *b*\n\nOne\ntwo **three**.\n\n- x\n  y\n- z\n1. n")).toEqual<Block[]>([
    {
      kind: "heading",
      level: 1,
      inline: [
        { kind: "text", text: "A " },
        { kind: "em", text: "b" },
      ],
    },
    {
      kind: "paragraph",
      inline: [
        { kind: "text", text: "One two " },
        { kind: "strong", text: "three" },
        { kind: "text", text: "." },
      ],
    },
    { kind: "list", ordered: false, items: [[{ kind: "text", text: "x y" }], [{ kind: "text", text: "z" }]] },
    { kind: "list", ordered: true, items: [[{ kind: "text", text: "n" }]] },
  ]);
});

test("what the server has escaped is shown as it was written", () => {
  expect(words(readInline("\\*\\*no\\*\\* \\[x\\] \\\\ \\_ &lt;b&gt; &amp;amp;"))).toBe("**no** [x] \\ _ <b> &amp;");
  expect(readInline("\\*\\*no\\*\\*")).toHaveLength(1);
});

test("HTML and links are text", () => {
  const evil = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) `code` \u0000 9\u0000";
  expect(readInline(evil)).toHaveLength(1);
  expect(words(readInline(evil))).toContain("<img src=x onerror=alert(1)> [a](javascript:alert(1))");
});

test("all of our texts are read with nothing left over", () => {
  const folder = fileURLToPath(new URL("../../src/classmood/server/templates/", import.meta.url));
  const names = readdirSync(folder).filter((name) => name.endsWith(".md") && !name.startsWith("dpia"));
  expect(names.sort()).toEqual(["consent.md", "guardian.md", "notice.md"]);
  for (const name of names) {
    for (const block of readMarkdown(readFileSync(folder + name, "utf8"))) {
      const lines = block.kind === "list" ? block.items : [block.inline];
      for (const inline of lines) expect(words(inline)).not.toMatch(/[*#|`]/);
    }
  }
});
