/**
 * Tokens cut from tokenizers of three kinds, and from the example's model with all that follows: transformers reads what
 * is left as we do, texts come back, and scores are what counting gives. CUT_TOKENIZERS=FOLDER keeps the tokenizers for
 * make-vocabulary.py.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { randomIndex } from "../../laws/random.js";
import { cutTokens, cuttableTokens } from "../../runtime/formats/cut-tokens.js";
import { readGgufHeader } from "../../runtime/formats/gguf-files.js";
import { tokenizerAmong } from "../../runtime/formats/model-source.js";
import { type SideFile, sideFiles, writeSideFile } from "../../runtime/formats/side-files.js";
import { bestTokens } from "../../runtime/formats/token-parts.js";
import { openTokenizer } from "../../runtime/formats/tokenizer.js";
import { closeFiles, corpusOf, type RunContext } from "../../runtime/run/context.js";
import { restoreStage, runStage, type StageResult } from "../../runtime/run/stages.js";
import { decisionsSchema } from "../../runtime/weights/decisions.js";
import { sharedDevice } from "../support/device.js";
import { inScratch } from "../support/scratch.js";
import { contextOf, fixture, planFor } from "./example.js";

interface Expected {
  readonly size: number;
  readonly bos: number;
  readonly eos: number;
  readonly texts: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly back: string;
  }[];
}

const expected = fixture("vocabulary/expected.json") as Readonly<Record<string, Expected>>;
const NOTHING: Expected = { size: 0, bos: 0, eos: 0, texts: [] };
const keep = process.env.CUT_TOKENIZERS ?? null;

const folderOf = (kind: string): string =>
  fileURLToPath(new URL(`vocabulary/${kind}`, import.meta.url));

const KEPT = { "byte-pairs": 330, "piece-pairs": 420, pieces: 200 } as const;

const writeFiles = async (folder: string, files: readonly SideFile[]): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  for (const file of files) await writeSideFile(folder, file);
};

test.each(
  Object.entries(KEPT),
)("%s with %d tokens are read as transformers does", async (kind, size) => {
  const side = sideFiles(folderOf(kind));
  const parts = cuttableTokens(side, {}, kind);
  const scores = Array.from(parts.known, (_, at) => randomIndex(3, 1, at, 1000));
  const kept = bestTokens(scores, size, parts);
  expect(kept.length).toBe(size);
  const whole = new Set(kept);
  for (const token of kept)
    for (const part of parts.parts.get(token) ?? []) expect(whole.has(part)).toBe(true);
  const files = cutTokens(side, kept);
  if (keep !== null) await writeFiles(join(keep, kind), files);
  const tokenizer = tokenizerAmong(files, { bos_token_id: 0 }, kind);
  const { texts, ...ids } = expected[kind] ?? NOTHING;
  expect(texts.length).toBeGreaterThan(3);
  for (const { text, ids, back } of texts) {
    expect(Array.from(tokenizer.prompt(text)), text).toEqual(ids);
    // What has no piece is unknown to that kind, and special tokens are not shown.
    if (kind === "pieces") continue;
    expect(tokenizer.decode(ids), text).toBe(back);
    if (!text.includes("<s>")) expect(back).toBe(text);
  }
  expect(ids).toMatchObject({ size });
  const generation = JSON.parse(
    files
      .flatMap((file) =>
        "text" in file && file.name === "generation_config.json" ? file.text : [],
      )
      .join(),
  );
  const renumbered = { bos_token_id: ids.bos, eos_token_id: [ids.eos], pad_token_id: -1 };
  expect(generation).toEqual(renumbered);
});

const SPEC = `edition 1
model teacher = open("models/sotu-1m")
data speeches = text("data/sotu/valid/*.txt") {
  window 32
  take   24 windows
}
score used of teacher on speeches { vocab by occurrence }
prune short from teacher using used { vocab 2048 -> 1024 }
score merit of short on speeches { mlp by activation }
prune student from short using merit { mlp -> 50% }
distill healed = student from short on speeches {
  loss  kld()
  stop  2 steps
  batch 2 windows
  rate  constant(1e-3)
}
evaluate short, healed on speeches { loss }
export healed to "healed"
export healed to "healed.gguf" { format gguf }
`;

/** How often each token follows in the first windows. */
const counted = (context: RunContext, windows: number): number[] => {
  const counts = new Array<number>(2048).fill(0);
  const corpus = corpusOf(context, "teacher", "speeches");
  for (let at = 0; at < windows; at++)
    for (const token of corpus.at(at).subarray(1)) counts[token] = (counts[token] ?? 0) + 1;
  return counts;
};

test("a model without half of its tokens is scored, taught, evaluated and exported in its own", async () => {
  const plan = planFor(SPEC);
  await inScratch(async (out) => {
    const context = await contextOf(plan, await sharedDevice(), out);
    const results: StageResult[] = [];
    for (const [index, stage] of plan.stages.entries()) {
      const result = await runStage(context, stage);
      await context.journal.commit(index, stage.kind, result, 0);
      results.push(result);
    }
    const scored = results.find((result) => result.kind === "score");
    const counts = counted(context, 24);
    expect(scored?.kind === "score" ? scored.tables[0]?.scores : []).toEqual(counts);

    const file = decisionsSchema.parse(
      JSON.parse(readFileSync(join(out, "decisions.json"), "utf8")),
    );
    const kept = file.prunes.find(({ name }) => name === "short")?.axes[0]?.sets[0]?.kept ?? [];
    expect(kept.length).toBe(1024);

    const [own, whole] = [
      await openTokenizer(join(out, "healed")),
      corpusOf(context, "teacher", "speeches"),
    ];
    const corpus = corpusOf(context, "healed", "speeches");
    const text = own.decode([...corpus.at(0)]);
    expect([...corpus.at(0).subarray(1)]).toEqual([...own.encode(text)]);
    // In the whole model's numbers it is the beginning of the same text, in more tokens.
    const teacher = await openTokenizer(join(context.base, "models/sotu-1m"));
    const before = [...corpus.at(0)].map((token) => kept[token] ?? 0);
    expect(teacher.decode(before)).toBe(text);
    expect(teacher.decode([...whole.at(0)]).startsWith(text)).toBe(true);

    const { metadata } = readGgufHeader(join(out, "healed.gguf"));
    expect(metadata.get("tokenizer.ggml.tokens")).toHaveLength(1024);
    expect(metadata.get("tokenizer.ggml.bos_token_id")).toBe(0);

    // What comes back on resume reads data by the same tokenizer.
    const again = { ...context, models: new Map() };
    for (const stage of plan.stages.slice(0, 3)) await restoreStage(again, stage);
    expect([...corpusOf(again, "short", "speeches").at(5)]).toEqual([...corpus.at(5)]);
    await closeFiles({ ...again, texts: { corpora: new Map(), questions: new Map() } });
    await closeFiles(context);
  });
});
