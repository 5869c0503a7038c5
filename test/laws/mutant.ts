/**
 * Mutants: the product with one line broken on purpose. A law that does not notice its mutant proves nothing, so each
 * law is run twice: on the product, where it must hold, and on its mutant, where it must fail.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

export type Product = typeof import("./product.js");

export interface Mutation {
  /** File of the product, relative to the project's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const root = resolve(import.meta.dirname, "../..");

/** The file's text with the mutation made; the text to find must stand there exactly once. */
export const mutate = ({ file, find, replace }: Mutation): string => {
  const text = readFileSync(join(root, file), "utf8");
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new Error(`${file} has ${parts.length - 1} places with \`${find}\`, not 1`);
  return parts.join(replace);
};

/** The product with one line broken. */
export const mutant = async (mutation: Mutation): Promise<Product> => {
  const target = join(root, mutation.file);
  const contents = mutate(mutation);
  const { outputFiles } = await build({
    entryPoints: [join(root, "test/laws/product.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "silent",
    plugins: [
      {
        name: "mutation",
        setup: (plugin) => {
          plugin.onLoad({ filter: /\.ts$/ }, ({ path }) =>
            path === target ? { contents, loader: "ts" } : null,
          );
        },
      },
    ],
  });
  // Below the project, so that packages resolve.
  const folder = mkdtempSync(join(root, "node_modules/.mutant-"));
  try {
    const path = join(folder, "product.mjs");
    writeFileSync(path, outputFiles[0]?.contents ?? "");
    return (await import(pathToFileURL(path).href)) as Product;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
