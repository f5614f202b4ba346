import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { compressFolder } from "../compress.ts";

test("every file over 1 kB gets its twins, and they unpack to it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "compress-"));
  try {
    const text = Buffer.from("mood ".repeat(1000));
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, k) => (k * k * 7919 + (k % 13) * 31) % 251));
    mkdirSync(join(folder, "assets"));
    writeFileSync(join(folder, "assets", "a.js"), text);
    writeFileSync(join(folder, "small.css"), "a{}");
    writeFileSync(join(folder, "noise.wasm"), noise);
    await compressFolder(folder);
    await compressFolder(folder);
    expect(brotliDecompressSync(readFileSync(join(folder, "assets", "a.js.br")))).toEqual(text);
    expect(gunzipSync(readFileSync(join(folder, "assets", "a.js.gz")))).toEqual(text);
    expect(readdirSync(folder).filter((name) => name.startsWith("small"))).toEqual(["small.css"]);
    expect(readdirSync(join(folder, "assets")).sort()).toEqual(["a.js", "a.js.br", "a.js.gz"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
