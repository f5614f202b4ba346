// The part of Markdown that our legal texts use, as a tree that components draw: no HTML passes through.

export type Inline = { kind: "text" | "strong" | "em"; text: string };
export type Block =
  | { kind: "heading"; level: 1 | 2 | 3; inline: Inline[] }
  | { kind: "paragraph"; inline: Inline[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] };

const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^\s{0,3}([-*+]|\d{1,3}[.)])\s+(.*)$/;
const ESCAPABLE = /\\([!-/:-@[-`{-~])/g;
const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };

/** Headings, paragraphs, flat lists, bold and italic words, escapes; anything else is plain text. */
export function readMarkdown(source: string): Block[] {
  const blocks: Block[] = [];
  let open: { kind: "paragraph"; lines: string[] } | { kind: "list"; ordered: boolean; items: string[][] } | null = null;
  const close = (): void => {
    if (open?.kind === "paragraph") blocks.push({ kind: "paragraph", inline: readInline(open.lines.join(" ")) });
    if (open?.kind === "list")
      blocks.push({ kind: "list", ordered: open.ordered, items: open.items.map((lines) => readInline(lines.join(" "))) });
    open = null;
  };
  for (const line of source.split(/\r?\n/)) {
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    if (!line.trim()) close();
    else if (heading) {
      close();
      const level = Math.min(heading[1]?.length ?? 1, 3) as 1 | 2 | 3;
      blocks.push({ kind: "heading", level, inline: readInline(heading[2] ?? "") });
    } else if (item) {
      const ordered = /\d/.test(item[1] ?? "");
      if (open?.kind !== "list" || open.ordered !== ordered) {
        close();
        open = { kind: "list", ordered, items: [] };
      }
      open.items.push([item[2] ?? ""]);
    } else if (open?.kind === "list") open.items.at(-1)?.push(line.trim());
    else {
      if (open?.kind !== "paragraph") open = { kind: "paragraph", lines: [] };
      open.lines.push(line.trim());
    }
  }
  close();
  return blocks;
}

/** Bold, italic and plain pieces of a line. */
export function readInline(source: string): Inline[] {
  // What is escaped is put out of the way first, so that no mark is seen in it.
  const kept: string[] = [];
  const hidden = source.replace(ESCAPABLE, (_, sign: string) => `\u0000${kept.push(sign) - 1}\u0000`);
  const plain = (text: string): string =>
    text
      .replace(/&(lt|gt|amp|quot);/g, (entity) => ENTITIES[entity] ?? entity)
      .replace(/\u0000(\d+)\u0000/g, (_, k: string) => kept[Number(k)] ?? "");
  const pieces: Inline[] = [];
  let at = 0;
  for (const found of hidden.matchAll(/\*\*(\S(?:.*?\S)?)\*\*|\*(\S(?:.*?\S)?)\*/g)) {
    if (found.index > at) pieces.push({ kind: "text", text: plain(hidden.slice(at, found.index)) });
    pieces.push(
      found[1] !== undefined ? { kind: "strong", text: plain(found[1]) } : { kind: "em", text: plain(found[2] ?? "") },
    );
    at = found.index + found[0].length;
  }
  if (at < hidden.length) pieces.push({ kind: "text", text: plain(hidden.slice(at)) });
  return pieces;
}
