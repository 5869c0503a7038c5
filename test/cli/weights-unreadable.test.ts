/** Weights that a run would refuse: `check` says so where the spec names them, a run before it does anything. */
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { espalier } from "../support/espalier.js";
import { fileOf } from "../support/safetensors-bytes.js";
import { makeTinyProject, type TinyProject, tinySpec } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = makeTinyProject();
});
afterEach(() => rmSync(project.folder, { recursive: true, force: true }));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

const weights = (): string => join(project.model, "model.safetensors");

/** The tiny model's file taken apart. */
const parts = (): { readonly header: Header; readonly data: Buffer } => {
  const bytes = readFileSync(weights());
  const end = 8 + Number(bytes.readBigUInt64LE());
  return {
    header: JSON.parse(bytes.toString("utf8", 8, end)) as Header,
    data: bytes.subarray(end),
  };
};

/** Writes the model anew with its first tensor as `change` makes it. */
const rewritten = (change: (name: string, header: Header) => void): void => {
  const { header, data } = parts();
  change(Object.keys(header)[0] ?? "", header);
  writeFileSync(weights(), fileOf(header, data));
};

/** Puts the weights into the first of two files, of which an index names both. */
const sharded = (): void => {
  const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  const names = Object.keys(parts().header);
  const map = names.map((name, at) => [name, files[at === 0 ? 1 : 0]]);
  renameSync(weights(), join(project.model, files[0]));
  const index = { metadata: {}, weight_map: Object.fromEntries(map) };
  writeFileSync(join(project.model, "model.safetensors.index.json"), JSON.stringify(index));
};

const only = (file: string): void => renameSync(weights(), join(project.model, file));

const CASES: readonly (readonly [string, () => void, RegExp, RegExp])[] = [
  [
    "a pointer of Git LFS",
    () =>
      writeFileSync(
        weights(),
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
      ),
    /the header claims \d+ bytes, the file has 70 in all/,
    /it stands for a file of Git LFS: get that with `git lfs pull`/,
  ],
  [
    "a file cut short",
    () => truncateSync(weights(), 70_000),
    /is cut short: tensor .* ends at byte/,
    /get them again/,
  ],
  [
    "numbers of 64 bits",
    () =>
      rewritten((name, header) => {
        const entry = header[name];
        if (entry !== undefined) header[name] = { ...entry, dtype: "F64", shape: [1024, 16] };
      }),
    /tensor model\.embed_tokens\.weight is \[1024, 16\], where config\.json makes it \[2048, 16\]/,
    /get them again/,
  ],
  [
    "whole numbers",
    () =>
      rewritten((_, header) => {
        const entry = header["model.norm.weight"];
        // As many bytes as before.
        if (entry !== undefined) header["model.norm.weight"] = { ...entry, dtype: "I32" };
      }),
    /tensor model\.norm\.weight is I32; weights are read from F32, F16, BF16/,
    /convert it: in transformers/,
  ],
  [
    "a tensor of another name",
    () =>
      rewritten((name, header) => {
        const { [name]: entry, ...rest } = header;
        for (const key of Object.keys(header)) delete header[key];
        Object.assign(header, rest, { "model.tokens.weight": entry });
      }),
    /lacks tensor model\.embed_tokens\.weight/,
    /it has others that are not used: model\.tokens\.weight/,
  ],
  [
    "a missing shard",
    sharded,
    /model-00002-of-00002\.safetensors is missing/,
    /1 of the 2 files that model\.safetensors\.index\.json names is not there/,
  ],
  [
    "weights as Python's pickles alone",
    () => only("pytorch_model.bin"),
    /has neither model\.safetensors nor model\.safetensors\.index\.json/,
    /pytorch_model\.bin is not read: in transformers, model\.save_pretrained/,
  ],
  [
    "weights under another name",
    () => only("consolidated.safetensors"),
    /has neither model\.safetensors nor/,
    /consolidated\.safetensors is under another name/,
  ],
  [
    "shards without their index",
    () => only("model-00001-of-00002.safetensors"),
    /has neither model\.safetensors nor/,
    /model-00001-of-00002\.safetensors is one of several: get model\.safetensors\.index\.json/,
  ],
  [
    "a GGUF file beside config.json",
    () => only("tiny.gguf"),
    /has neither model\.safetensors nor/,
    /open the file itself: DIR\/model\/tiny\.gguf/,
  ],
];

test.each(CASES)("%s", async (_title, damage, reason, hint) => {
  damage();
  const checked = await espalier(["check", "tiny.prune"], project.folder);
  const said = checked.stderr.replaceAll(project.folder, "DIR");
  expect(said).toMatch(/error\[weights-unreadable\]: the weights of `model` cannot be read: /);
  expect(said).toContain("tiny.prune:3:22");
  expect(said).toMatch(reason);
  expect(said).toMatch(hint);
  expect(checked.code).toBe(1);
  const ran = await espalier(["run", "tiny.prune", "--out", "out"], project.folder);
  expect(ran.stderr).toMatch(reason);
  expect(ran.stderr).not.toMatch(/\n\s+at /);
  expect(ran.code).toBe(3);
});

test("a folder with config.json alone is a shape to plan with", async () => {
  rmSync(weights());
  const { code, stdout } = await espalier(["check", "tiny.prune"], project.folder);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "tiny.prune: no errors\n" });
});

test("of a model that is opened last, a run ends before it does anything", async () => {
  mkdirSync(join(project.folder, "other"));
  for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"])
    writeFileSync(join(project.folder, "other", file), readFileSync(join(project.model, file)));
  writeFileSync(join(project.folder, "other/model.safetensors"), fileOf({}));
  const last = `model other = open("other")\nevaluate other on texts { loss }\n`;
  writeFileSync(join(project.folder, "tiny.prune"), tinySpec() + last);
  const reason = /other lacks 20 tensors: model\.embed_tokens\.weight, .* and 17 more/;
  const checked = await espalier(["check", "tiny.prune"], project.folder);
  expect(checked.stderr).toMatch(reason);
  expect(checked.code).toBe(1);
  const ran = await espalier(["run", "tiny.prune", "--out", "out"], project.folder);
  expect(ran.stderr).toMatch(/\nadapter: .*\nerror: .*other lacks 20 tensors/);
  expect(ran.code).toBe(3);
});

test("a name of the hub is no path", async () => {
  const spec = 'edition 1\nmodel a = open("HuggingFaceTB/SmolLM2-135M")\n';
  writeFileSync(join(project.folder, "hub.prune"), spec);
  const hint = /hf download HuggingFaceTB\/SmolLM2-135M --local-dir HuggingFaceTB\/SmolLM2-135M\n/;
  const checked = await espalier(["check", "hub.prune"], project.folder);
  expect(checked.stderr).toMatch(hint);
  const args = ["eval", "HuggingFaceTB/SmolLM2-135M", "--data", "texts/a.txt"];
  const evaluated = await espalier(args, project.folder);
  expect(evaluated.stderr).toMatch(hint);
  expect(evaluated.code).toBe(3);
});
