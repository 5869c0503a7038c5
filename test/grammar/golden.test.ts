/** What the grammar makes of whole files: the tree it reads and the text it formats, kept beside them to be looked at. */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { format } from "../../grammar/print.js";
import { printTree, treeOf } from "../support/print-tree.js";

const folder = new URL("../golden/grammar/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".prune") && !file.endsWith(".formatted.prune"))
  .map((file) => basename(file, ".prune"));

const treeText = (text: string): string => {
  const { file, diagnostics } = parse("golden.prune", text);
  expect(diagnostics).toEqual([]);
  return `${file.declarations.map((declaration) => printTree(treeOf(declaration))).join("\n")}\n`;
};

test("there are inputs", () => {
  expect(names).toEqual(["expressions", "library", "messy", "recipe"]);
});

describe.each(names)("%s", (name) => {
  const text = readFileSync(new URL(`${name}.prune`, folder), "utf8");

  test("tree", async () => {
    await expect(treeText(text)).toMatchFileSnapshot(`../golden/grammar/${name}.tree.txt`);
  });

  test("formatted", async () => {
    const formatted = format({ text });
    expect(treeText(formatted)).toBe(treeText(text));
    expect(format({ text: formatted })).toBe(formatted);
    await expect(formatted).toMatchFileSnapshot(`../golden/grammar/${name}.formatted.prune`);
  });
});
