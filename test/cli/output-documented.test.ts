/** docs/output.md: its tables have the fields of the schemas, and a run writes these files and these fields alone. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { journalSchema } from "../../runtime/run/journal.js";
import { lockSchema } from "../../runtime/run/lock.js";
import { measureLineSchema, stepLineSchema } from "../../runtime/run/metrics-log.js";
import { searchSchema } from "../../runtime/run/rank.js";
import { scoresSchema } from "../../runtime/run/score-cache.js";
import { decisionsSchema } from "../../runtime/weights/decisions.js";
import { espalier } from "../support/espalier.js";
import { makeTinyProject, type TinyProject } from "../support/tiny-project.js";

const page = readFileSync(new URL("../../docs/output.md", import.meta.url), "utf8");

type Schema = z.core.JSONSchema.JSONSchema;

const schemas = {
  decisions: decisionsSchema,
  step: stepLineSchema,
  measure: measureLineSchema,
  search: searchSchema,
  journal: journalSchema,
  scores: scoresSchema,
  lock: lockSchema,
} as const;

/** Where each is on the page: its section, and which of the section's tables. */
const PLACES = {
  decisions: ["`decisions.json`", "field"],
  step: ["`metrics.jsonl`", "field of a step"],
  measure: ["`metrics.jsonl`", "field of a measure"],
  search: ["`search.json`", "field"],
  journal: ["`.espalier/journal.json`", "field"],
  scores: ["Files of scores", "field"],
  lock: ["`my.prune.lock`", "field"],
} as const satisfies Record<keyof typeof schemas, readonly [string, string]>;

type Kind = keyof typeof schemas;
const kinds = Object.keys(schemas) as Kind[];

const jsonSchema = (kind: Kind): Schema => z.toJSONSchema(schemas[kind]) as Schema;

const sectionOf = (title: string): string => {
  const [, after] = page.split(`\n## ${title}\n`);
  if (after === undefined) throw new Error(`docs/output.md has no section ${title}`);
  return after.split("\n## ")[0] ?? "";
};

const documented = (kind: Kind): string[] => {
  const [title, head] = PLACES[kind];
  const [, table = ""] = sectionOf(title).split(`| ${head} | meaning |`);
  const rows = (table.split("\n\n")[0] ?? "").matchAll(/^\| `([^`]+)` \| \S/gm);
  return [...rows].map(([, field = ""]) => field);
};

/** `name`, `name[]`, `name.*` of everything below a schema that is not made of other fields. */
const leaves = (schema: Schema, path: string): string[] => {
  const below = (inner: unknown, step: string): string[] => leaves(inner as Schema, path + step);
  if (schema.anyOf !== undefined) {
    const some = schema.anyOf.filter((one) => (one as Schema).type !== "null");
    return some.flatMap((one) => below(one, ""));
  }
  if (schema.type === "array") return below(schema.items, "[]");
  if (schema.properties === undefined)
    return schema.type === "object" ? below(schema.additionalProperties, ".*") : [path];
  const dot = path === "" ? "" : ".";
  return Object.entries(schema.properties).flatMap(([name, inner]) => below(inner, dot + name));
};

describe.each(kinds)("the table of %s", (kind) => {
  test("has every field of its schema, and no other", () => {
    const fields = leaves(jsonSchema(kind), "");
    expect(fields.length).toBeGreaterThan(4);
    const rows = documented(kind);
    expect(fields.filter((field) => !rows.includes(field))).toEqual([]);
    // A list or an object of its own may have a line too.
    const known = (row: string) => fields.some((field) => field.startsWith(row));
    expect(rows.filter((row) => !known(row))).toEqual([]);
  });
});

const SPEC = `edition 1
model teacher = open("model")
data texts = text("texts/*.txt") { window 16 }
score merit of teacher on texts {
  take 4 windows
  hidden, mlp by activation
  layer by block_influence
}
search shape of teacher using merit {
  hidden [16, 4]
  mlp    [24, 12]
  keep   2
}
distill light = shape from teacher on texts {
  loss       kld()
  stop       5 steps
  batch      2 windows
  rate       constant(1e-3)
  early_stop every 2 steps
}
evaluate light on texts { loss }
prune student from teacher using merit { mlp -> 50% }
evaluate student on texts { loss }
expect { params(student) <= 99% of params(teacher) }
export student to "student"
`;

let project: TinyProject;
let out = "";
beforeAll(async () => {
  project = makeTinyProject(SPEC);
  out = join(project.folder, "out");
  const { code, stderr } = await espalier(["run", project.spec, "--out", out]);
  expect(stderr).toMatch(/given up after/);
  expect(code).toBe(0);
});
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));

const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

const lines = (): readonly object[] =>
  readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const written = (kind: Kind): readonly unknown[] => {
  const scores = join(project.folder, ".espalier/scores");
  switch (kind) {
    case "decisions":
      return [read(join(out, "decisions.json"))];
    case "step":
      return lines().filter((line) => "step" in line);
    case "measure":
      return lines().filter((line) => !("step" in line));
    case "search":
      return [read(join(out, "search.json"))];
    case "journal":
      return [read(join(out, ".espalier/journal.json"))];
    case "scores":
      return readdirSync(scores).map((file) => read(join(scores, file)));
    case "lock":
      return [read(`${project.spec}.lock`)];
    default:
      return kind satisfies never;
  }
};

test.each(kinds)("what a run writes of %s is what its schema says, to the field", (kind) => {
  const all = written(kind);
  expect(all.length).toBeGreaterThan(0);
  // Reading drops what the schema does not name.
  for (const value of all) expect(schemas[kind].parse(value)).toEqual(value);
});

const namesIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...namesIn(inner)]);
};

test("results of stages have the fields that the page gives of their kind, and no other", () => {
  const [, after = ""] = sectionOf("`.espalier/journal.json`").split(
    "| kind | field of the result |",
  );
  const [table = ""] = after.split("\n\n");
  const fields = new Map<string, string[]>();
  let kind = "";
  for (const [, named, rest = ""] of table.matchAll(/^\| (?:`(\w+)` )?\| (.*)$/gm)) {
    kind = named ?? kind;
    const names = [...rest.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    fields.set(kind, [...(fields.get(kind) ?? []), ...names]);
  }
  const { stages } = journalSchema.parse(read(join(out, ".espalier/journal.json")));
  const results = stages.map(({ result }) => result as { readonly kind: string });
  const seen = new Set(results.map((result) => result.kind));
  for (const stage of fields.keys()) expect(seen).toContain(stage);
  for (const result of results) {
    // Tables of scores and rankings have tables of their own on the page.
    const { kind: stage, tables: _tables, ranking, ...own } = Object(result);
    if (ranking !== undefined) continue;
    const known = fields.get(stage) ?? [];
    expect(namesIn(own).filter((name) => !known.includes(name))).toEqual([]);
  }
});

test("a run leaves the files that the page names", () => {
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name.replace(/^light\.\d\./, "NAME."));
  expect(files).toContain("NAME.weights.safetensors");
  const named = [...page.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code.split("/").at(-1));
  expect(files.filter((file) => !named.includes(file))).toEqual([]);
});
