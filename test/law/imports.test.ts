/** The laws of the house: which folder may import which, no circles, short files, no vague names. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const FOLDERS = ["grammar", "kernels", "compiler", "runtime", "laws"] as const;
type Folder = (typeof FOLDERS)[number];

const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));

const sources = FOLDERS.flatMap(filesBelow);
const path = (file: string): string => relative(root, file).split(sep).join("/");

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/** Relative imports of a file, by the file they name, and bare ones as they stand. */
const importsOf = (file: string): Import[] => {
  const tree = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean): void => {
    const to = specifier.startsWith(".")
      ? path(resolve(dirname(file), specifier.replace(/\.js$/, ".ts")))
      : specifier;
    found.push({ from: path(file), to, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const typeOnly = ts.isImportDeclaration(node)
        ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : node.isTypeOnly;
      add(node.moduleSpecifier.text, typeOnly);
    }
    if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments[0] !== undefined &&
      ts.isStringLiteral(node.arguments[0])
    )
      add(node.arguments[0].text, false);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
};

const imports = sources.flatMap(importsOf);
const folderOf = (file: string): Folder | undefined =>
  FOLDERS.find((folder) => file.startsWith(`${folder}/`));

/** Which folders of ours each may read. */
const MAY: Readonly<Record<Folder, readonly Folder[]>> = {
  grammar: [],
  kernels: [],
  compiler: ["grammar", "kernels"],
  runtime: ["compiler", "kernels", "grammar", "laws"],
  laws: ["runtime", "compiler", "grammar"],
};

describe("imports", () => {
  test("every relative import names a file that is there", () => {
    const known = new Set([
      ...sources.map(path),
      ...sources.map((file) => path(file).replace(/\.d\.ts$/, ".ts")),
    ]);
    const missing = imports.filter(({ to }) => folderOf(to) !== undefined && !known.has(to));
    expect(missing).toEqual([]);
  });

  test("go with the flow of the house", () => {
    const against = imports.filter(({ from, to }) => {
      const [source, target] = [folderOf(from), folderOf(to)];
      return (
        source !== undefined &&
        target !== undefined &&
        source !== target &&
        !MAY[source].includes(target)
      );
    });
    expect(against).toEqual([]);
  });

  test("outside its command line, the runtime knows only the compiler's plan", () => {
    const against = imports.filter(
      ({ from, to }) =>
        from.startsWith("runtime/") &&
        !from.startsWith("runtime/cli/") &&
        (/^(grammar|laws)\//.test(to) || (to.startsWith("compiler/") && to !== "compiler/plan.ts")),
    );
    expect(against).toEqual([]);
  });

  test("the laws know nothing of the command line, and nothing of a device", () => {
    const against = imports.filter(
      ({ from, to }) =>
        from.startsWith("laws/") &&
        to.startsWith("runtime/") &&
        !/^runtime\/(weights|formats)\//.test(to),
    );
    expect(against).toEqual([]);
  });

  test("grammar, kernels and compiler touch neither Node nor a GPU", () => {
    const against = imports.filter(
      ({ from, to }) => /^(grammar|kernels|compiler)\//.test(from) && /^(node:|webgpu)/.test(to),
    );
    expect(against).toEqual([]);
  });

  test("have no circles", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports)
      if (!typeOnly && folderOf(to) !== undefined)
        edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const circles: string[][] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      const at = trail.indexOf(file);
      if (at >= 0) {
        circles.push([...trail.slice(at), file]);
        return;
      }
      if (done.has(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of edges.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe("files", () => {
  test("stay under 400 lines", () => {
    const long = sources
      .filter((file) => !file.endsWith(".generated.ts"))
      .map((file) => [path(file), readFileSync(file, "utf8").split("\n").length] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });

  test("are not named for being useful", () => {
    expect(
      sources.map(path).filter((file) => /utils?|helpers?|manager|common/i.test(file)),
    ).toEqual([]);
  });

  test("outside stdlib name no model family, criterion or loss", () => {
    const words = /\b(llama|mistral|qwen|gemma|nemotron|gpt2|gpt_neox|kld|block_influence)\b/i;
    const naming = sources.filter((file) => words.test(readFileSync(file, "utf8"))).map(path);
    expect(naming).toEqual([]);
  });
});
