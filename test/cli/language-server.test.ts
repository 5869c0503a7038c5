/** The language server over its pipes, as an editor speaks to it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  createProtocolConnection,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from "vscode-languageserver/node";
import { ended, pipedEspalier } from "../support/espalier.js";

const exampleFolder = fileURLToPath(new URL("../../examples", import.meta.url));
const example = readFileSync(join(exampleFolder, "sotu-half.prune"), "utf8");
/** As if it stood in the examples' folder. */
const uri = pathToFileURL(join(exampleFolder, "unsaved.prune")).href;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-editor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let connection: ProtocolConnection;
let published: PublishDiagnosticsParams[];
let stopped: Promise<{ readonly code: number | null; readonly stderr: string }>;

beforeEach(async () => {
  const child = pipedEspalier(["language-server", "--stdio"]);
  stopped = ended(child);
  connection = createProtocolConnection(child.stdout, child.stdin);
  published = [];
  connection.onNotification("textDocument/publishDiagnostics", (params) => {
    published.push(params);
  });
  connection.listen();
  await connection.sendRequest("initialize", { processId: null, rootUri: null, capabilities: {} });
  await connection.sendNotification("initialized", {});
});

afterEach(async () => {
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
  const { code, stderr } = await stopped;
  connection.dispose();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

const open = (text: string, of = uri): Promise<void> =>
  connection.sendNotification("textDocument/didOpen", {
    textDocument: { uri: of, languageId: "prune", version: 1, text },
  });

/** What is published of a version of a text. */
const problemsOf = async (version = 1, of = uri): Promise<PublishDiagnosticsParams> => {
  const found = () => published.find((params) => params.uri === of && params.version === version);
  while (found() === undefined) await new Promise((r) => setTimeout(r, 5));
  return found() ?? { uri: of, diagnostics: [] };
};

/** Line and character of the first letter of `part`, or of one behind it. */
const placeOf = (text: string, part: string, behind = 0) => {
  const lines = text.slice(0, text.indexOf(part) + behind).split("\n");
  return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
};

const ask = <T>(what: string, text: string, part: string, behind = 1): Promise<T> =>
  connection.sendRequest(`textDocument/${what}`, {
    textDocument: { uri },
    position: placeOf(text, part, behind),
  });

test("mistakes are shown as they are typed, with the corrections that can be made", async () => {
  await open(example.replace("batch     2 windows", "bach 2 windows"));
  const { diagnostics } = await problemsOf();
  const [problem] = diagnostics.filter(({ code }) => code === "unknown-setting");
  expect(problem).toMatchObject({
    severity: 1,
    source: "espalier",
    range: { start: { character: 2 } },
  });
  expect(problem?.message).toContain("bach");
  const [action] = await connection.sendRequest<
    { readonly edit: { readonly changes: Record<string, readonly { newText: string }[]> } }[]
  >("textDocument/codeAction", {
    textDocument: { uri },
    range: problem?.range,
    context: { diagnostics: [problem] },
  });
  expect(action?.edit.changes[uri]?.[0]).toEqual({ range: problem?.range, newText: "batch" });
  await connection.sendNotification("textDocument/didChange", {
    textDocument: { uri, version: 2 },
    contentChanges: [{ range: problem?.range, text: "batch" }],
  });
  expect((await problemsOf(2)).diagnostics).toEqual([]);
});

test("data that no file matches is warned of, as by check", async () => {
  await open(example.replace("data/sotu/train/*.txt", "data/sotu/none/*.txt"));
  const { diagnostics } = await problemsOf();
  expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([["data-missing", 2]]);
});

test("what is wrong in another file is said with its place; an open file counts as it stands there", async () => {
  const [used, spec] = ["house.prune", "my.prune"].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  writeFileSync(used, "let share = 3 +\n");
  const specUri = pathToFileURL(spec).href;
  const text = 'edition 1\nuse "./house.prune" as house\nlet half = house.share\n';
  await open(text, specUri);
  const { diagnostics } = await problemsOf(1, specUri);
  const problem = diagnostics.find(({ message }) => String(message).startsWith(used));
  expect(problem?.relatedInformation?.[0]?.location.uri).toBe(pathToFileURL(used).href);
  published = [];
  await open("let share = 3\n", pathToFileURL(used).href);
  expect((await problemsOf(1, specUri)).diagnostics).toEqual([]);
});

test("a text is formatted as fmt does, and one with mistakes is left alone", async () => {
  const loose = example.replace("mlp    384 -> 256", "mlp 384->256");
  const format = () =>
    connection.sendRequest<{ readonly newText: string }[]>("textDocument/formatting", {
      textDocument: { uri },
      options: { tabSize: 2, insertSpaces: true },
    });
  await open(loose);
  expect((await format()).map(({ newText }) => newText)).toEqual([example]);
  await connection.sendNotification("textDocument/didChange", {
    textDocument: { uri, version: 2 },
    contentChanges: [{ text: "prune {\n" }],
  });
  expect(await format()).toEqual([]);
});

test("a name is explained, and leads to where it is declared", async () => {
  await open(example);
  const onLoss = await ask<{ contents: { value: string } }>("hover", example, "kld(");
  expect(onLoss.contents.value).toMatch(/```prune\nloss kld\(/);
  expect(onLoss.contents.value).toContain("loss in stdlib/");
  const onSetting = await ask<{ contents: { value: string } }>("hover", example, "optimizer adamw");
  expect(onSetting.contents.value).toContain("distill's `optimizer`: may be left out");
  const [inLibrary] = await ask<{ uri: string; range: { start: { line: number } } }[]>(
    "definition",
    example,
    "kld(",
  );
  const lines = readFileSync(fileURLToPath(inLibrary?.uri ?? ""), "utf8").split("\n");
  expect(lines[inLibrary?.range.start.line ?? -1]).toMatch(/^loss kld\(/);
  const [here] = await ask<{ uri: string; range: object }[]>(
    "definition",
    example,
    "from teacher on",
    6,
  );
  expect(here).toMatchObject({ uri, range: { start: placeOf(example, "model teacher", 6) } });
  expect(await ask("hover", example, "128 -> 96")).toBeNull();
});

test("what may be written is offered by place", async () => {
  const text = `${example}\ndistill again = student from teacher on speeches {\n  \n  loss \n}\n`;
  const labels = async (part: string, behind: number): Promise<string[]> =>
    (await ask<{ label: string }[]>("completion", text, part, behind)).map(({ label }) => label);
  await open(text);
  const start = "distill again = student from teacher on speeches {\n  ";
  expect(await labels(start, start.length)).toContain("cache_logits");
  const losses = await labels(`${start}\n  loss `, start.length + 8);
  expect(losses).toContain("reverse_kld");
  expect(losses).not.toContain("perplexity");
  expect(await labels("on speeches {\n  \n", 3)).toEqual(["speeches", "unseen"]);
  expect(await labels("distill again", 0)).toContain("architecture");
});

test("the outline names what a file declares", async () => {
  await open(example);
  const symbols = await connection.sendRequest<{ name: string; detail: string }[]>(
    "textDocument/documentSymbol",
    { textDocument: { uri } },
  );
  const named = symbols.map(({ name, detail }) => `${detail} ${name}`);
  expect(named).toContain("distill healed");
  expect(named).toContain("evaluate teacher, student, healed");
});
