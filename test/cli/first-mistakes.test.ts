/** Mistakes of a first hour: each is one line that says why, a hint that can be done, and the exit code of its kind. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeAll(() => {
  project = makeTinyProject();
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const failing = async (args: readonly string[], exit: number): Promise<string> => {
  const { code, stderr } = await espalier(args, project.folder);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(code).toBe(exit);
  return stderr.replaceAll(project.folder, "DIR");
};

/** Writes a file into the project, and gives its path from there. */
const written = (path: string, bytes: string | Uint8Array): string => {
  writeFileSync(join(project.folder, path), bytes);
  return path;
};

const evaluating = (source: string): string =>
  `edition 1\nmodel t = open("model")\ndata a = text("${source}") { window 16 }\nevaluate t on a { loss }\n`;

const run = (spec: string, out = "out"): Promise<string> => failing(["run", spec, "--out", out], 3);

test.each(["check", "fmt"])("%s of no file, and of a folder", async (command) => {
  const missing = await failing([command, "none.prune"], 2);
  expect(missing).toMatch(/^error: cannot read .*none\.prune: there is no such file\n$/);
  const folder = await failing([command, "texts"], 2);
  expect(folder).toMatch(/cannot read .*texts: it is a folder\nhint: name a \.prune file in it\n$/);
});

test("a run of a spec with nothing in it makes no folder", async () => {
  const said = await failing(["run", written("empty.prune", ""), "--out", "nothing"], 2);
  expect(said).toMatch(/^error: empty\.prune has no stages, so there is nothing to run\nhint: /);
  expect(() => mkdirSync(join(project.folder, "nothing"))).not.toThrow();
});

test("a packed text", async () => {
  written("texts/packed.gz", gzipSync("The state of the union. ".repeat(50)));
  const said = await run(written("packed.prune", evaluating("texts/packed.gz")));
  expect(said).toMatch(
    /error: texts\/packed\.gz is not UTF-8 text\nhint: it is packed by gzip: unpack it first\n$/,
  );
});

test("a folder in the place of files", async () => {
  const said = await run(written("folder.prune", evaluating("texts/")));
  expect(said).toMatch(/no file matches texts\/ in DIR\nhint: .*, as in "texts\/\*"\n$/);
  expect(await run(written("other.prune", evaluating("text/*")))).not.toContain("hint");
});

test("patterns that match nothing are said by check, where they are", async () => {
  const spec = `edition 1
model t = open("model")
data a = text("texts/*.txt") { window 16 }
data b = text("texts/**/a.{txt,md}") { window 16 }
data c = jsonl("text/*.jsonl") { window 16 }
data d = text("texts") { window 16 }
evaluate t on a { loss }
`;
  const said = await failing(["check", written("files.prune", spec)], 0);
  const places = [
    ...said.matchAll(/warning\[([a-z-]+)\][\s\S]*?files\.prune:(\d+:\d+)[\s\S]*?hint: (.*)/g),
  ];
  expect(places.map(([, code, place, hint]) => [code, place, hint])).toEqual([
    ["data-missing", "5:16", "paths are relative to the spec's folder"],
    ["data-missing", "6:15", 'it is a folder: name the files in it, as in "texts/*"'],
  ]);
});

test("a file in the place of the output folder", async () => {
  const said = await run("tiny.prune", written("file", ""));
  expect(said).toMatch(
    /cannot write to the output folder DIR\/file: a part of the path is not a folder\n/,
  );
});

test("a spec as Windows writes it, with names of any language", async () => {
  mkdirSync(join(project.folder, "tëxte ü"));
  written("tëxte ü/eins zwei.txt", "The state of the union. ".repeat(50));
  const text = `\ufeff${evaluating("tëxte ü/*.txt").replaceAll("\n", "\r\n\t")}`;
  const { code } = await espalier(["check", written("wïn.prune", text)], project.folder);
  expect(code).toBe(0);
  const ran = await espalier(["run", "wïn.prune", "--out", "öut"], project.folder);
  expect(ran.code).toBe(0);
});

test("a model without its tokenizer", async () => {
  rmSync(join(project.model, "tokenizer.json"));
  const said = await run(written("bare.prune", evaluating("texts/a.txt")), "bare");
  expect(said).toMatch(/tokenizer\.json is missing\nhint: .*put it beside the weights/);
});
