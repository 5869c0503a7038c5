/** docs/architecture.md is true as far as a machine can tell: the files and folders it names are there. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/architecture.md"), "utf8");

const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));

const files = [
  "grammar",
  "compiler",
  "kernels",
  "runtime",
  "laws",
  "editors",
  "stdlib",
  "test",
  "docs",
].flatMap(filesOf);

const named = [...page.matchAll(/`([a-z-]+(?:\/[a-z-]+)*\.(?:ts|prune|md))`/g)].map(
  ([, name]) => name ?? "",
);
const folders = [...page.matchAll(/`([a-z-]+(?:\/[a-z-]+)*)\/`/g)].map(([, name]) => name ?? "");

test("it names files", () => {
  expect(named.length).toBeGreaterThan(20);
});

test.each([...new Set(named)])("%s is a file", (name) => {
  expect(files.filter((file) => file === name || file.endsWith(`/${name}`))).not.toEqual([]);
});

test.each([...new Set(folders)])("%s/ is a folder", (name) => {
  expect(
    files.filter((file) => file.startsWith(`${name}/`) || file.includes(`/${name}/`)),
  ).not.toEqual([]);
});
