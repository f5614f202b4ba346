// Writes FILE.br and FILE.gz beside every file of the built pages, so that the server compresses nothing while a class runs.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const SMALLEST_BYTES = 1024;
// Level 11 makes the 14 MB of ONNX Runtime 2.3 MB in half a minute, level 5 2.9 MB in a second: enough where nobody
// downloads them, as in a checkout that is being worked on (see hatch_build.py).
const QUALITY = process.env["CLASSMOOD_PAGES"] === "quick" ? 5 : constants.BROTLI_MAX_QUALITY;
const DONE = /\.(br|gz|png|woff2)$/;
const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Compress what is in a folder; a file that compression does not make smaller gets no twin. */
export async function compressFolder(folder: string): Promise<void> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !DONE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  await Promise.all(names.map(compressFile));
}

async function compressFile(name: string): Promise<void> {
  const raw = await readFile(name);
  if (raw.length < SMALLEST_BYTES) return;
  const [small, zipped] = await Promise.all([
    brotli(raw, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
      },
    }),
    zip(raw, { level: 9 }),
  ]);
  if (small.length < raw.length) await writeFile(`${name}.br`, small);
  if (zipped.length < raw.length) await writeFile(`${name}.gz`, zipped);
}

/** After the last file is written. */
export function compress(): Plugin {
  let folder = "";
  return {
    name: "classmood-compress",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle: { order: "post", sequential: true, handler: () => compressFolder(folder) },
  };
}
