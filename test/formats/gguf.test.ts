/** GGUF files of other tools: every type to the last bit, names and orders, tokens; and our own read back. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import type { OpenStage, Plan } from "../../compiler/plan.js";
import { fileHost } from "../../runtime/cli/host.js";
import { openGguf } from "../../runtime/formats/gguf.js";
import { packQ8, Q8_0 } from "../../runtime/formats/gguf-blocks.js";
import { readGgufHeader } from "../../runtime/formats/gguf-files.js";
import { writeGgufModel } from "../../runtime/formats/gguf-model.js";
import { tokenizerMetadata } from "../../runtime/formats/gguf-tokenizer-write.js";
import { writeGguf } from "../../runtime/formats/gguf-write.js";
import { hashModel, modelTokenizer, sideFilesOf } from "../../runtime/formats/model-source.js";
import { openModel } from "../../runtime/formats/open-model.js";
import { sentencePieceMerges } from "../../runtime/formats/sentence-piece.js";
import { readSideJson } from "../../runtime/formats/side-files.js";
import { bytesOf, ofFloats, readFloats } from "../../runtime/formats/stored-tensor.js";
import { weightsOf } from "../../runtime/formats/weights.js";

const fixtures = resolve(import.meta.dirname, "../oracle/gguf");
const fixture = (name: string): string => join(fixtures, name);
const json = (name: string) => JSON.parse(readFileSync(fixture(name), "utf8"));
const floatsOf = (name: string): Float32Array => {
  const bytes = readFileSync(fixture(name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "espalier-gguf-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("types", () => {
  const FILES = {
    blocks: ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"],
    "more-blocks": ["Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q5_K", "IQ4_NL", "IQ4_XS"],
  };

  test.each(
    Object.entries(FILES).flatMap(([path, types]) =>
      types.map((name, at) => [name, path, at] as const),
    ),
  )("%s is read to the bit", async (name, path, at) => {
    const values = floatsOf(`${path}.f32`);
    const file = await openGguf(fixture(`${path}.gguf`));
    const tensor = file.tensor(name);
    expect(file.tensors.get(name)?.shape).toEqual([3, 256]);
    expect(await readFloats(tensor)).toEqual(values.subarray(at * 768, (at + 1) * 768));
    // Ranges that begin and end within blocks.
    const size = tensor.dtype === "f32" ? 4 : 2;
    const whole = new Uint8Array(768 * size);
    await tensor.read(0, whole);
    for (const [start, length] of [
      [0, 5],
      [31, 2],
      [40, 300],
      [255, 258],
      [767, 1],
    ] as const) {
      const part = new Uint8Array(length * size);
      await tensor.read(start, part);
      expect(part).toEqual(whole.subarray(start * size, (start + length) * size));
    }
    await file.close();
  });

  test("Q8_0 is packed as the reference packs it", async () => {
    const file = await openGguf(fixture("blocks.gguf"));
    const source = await readFloats(file.tensor("F32"));
    const packed = new Uint8Array((768 / Q8_0.elements) * Q8_0.bytes);
    packQ8(source, packed);
    const entry = file.tensors.get("Q8_0");
    const bytes = readFileSync(fixture("blocks.gguf"));
    expect(entry?.bytes).toBe(packed.length);
    expect(packed).toEqual(
      new Uint8Array(bytes.subarray(entry?.begin, (entry?.begin ?? 0) + packed.length)),
    );
    await file.close();
  });

  test("Q8_0 errs by at most half a step of its scale, which is f16", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: 32, maxLength: 32 }),
        async (numbers) => {
          const path = join(scratch, "q8.gguf");
          const data = ofFloats(Float32Array.from(numbers));
          await writeGguf(path, new Map(), [{ name: "x", dtype: "q8_0", shape: [1, 32], data }]);
          const file = await openGguf(path);
          const found = await readFloats(file.tensor("x"));
          await file.close();
          const scale = Math.max(...numbers.map(Math.abs)) / 127;
          // Rounding to the step, and 127 steps of a scale rounded to 11 bits; below f16's range its step.
          const bound = scale * (0.5 + 127 / 2048) + 128 * 2 ** -25 + 1e-6 * scale;
          for (const [at, number] of numbers.entries())
            expect(Math.abs((found[at] ?? Number.NaN) - number)).toBeLessThanOrEqual(bound);
        },
      ),
      { numRuns: 30 },
    );
  });
});

const planOf = (path: string, lines = ""): Plan => {
  const text = `edition 1\nmodel m = open(${JSON.stringify(path)})\n${lines}`;
  const { recipe, diagnostics } = check("spec.prune", text, fileHost("."));
  if (recipe === null) throw new Error(diagnostics.map(({ message }) => message).join());
  return compile(recipe);
};

const opened = async (path: string, plan: Plan) => {
  const stage = plan.stages.find((s): s is OpenStage => s.kind === "open");
  const layout = plan.models.m;
  if (stage === undefined || layout === undefined) throw new Error("nothing is opened");
  return { stage, layout, checkpoint: await openModel(path, stage.gguf, layout) };
};

describe("a model that another tool wrote", () => {
  const path = fixture("model.gguf");
  const expected = json("model.json");

  test("has the config that its metadata stands for", () => {
    const plan = planOf(path);
    expect(plan.models.m?.config).toMatchObject(expected.config);
    expect(plan.models.m?.config).toMatchObject({
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
    });
  });

  test("has its weights in the order of a Hugging Face folder", async () => {
    const { layout, checkpoint } = await opened(path, planOf(path));
    const weights = weightsOf(checkpoint, layout);
    expect(layout.weights.map(({ file }) => file).sort()).toEqual(
      Object.keys(expected.tensors).sort(),
    );
    for (const weight of layout.weights)
      expect(await readFloats(weights.tensor(weight)), weight.file).toEqual(
        Float32Array.from(expected.tensors[weight.file]),
      );
    await checkpoint.close();
  });

  test("has its tokens, and text of them", async () => {
    const { stage, checkpoint } = await opened(path, planOf(path));
    const tokenizer = await modelTokenizer(path, stage.gguf);
    for (const [text, ids] of Object.entries<number[]>(expected.tokens)) {
      expect([...tokenizer.encode(text)], text).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text.replace("<|end|>", ""));
    }
    expect([tokenizer.start, [...tokenizer.ends]]).toEqual([0, [0]]);
    await checkpoint.close();
  });

  test.each(["f32", "q8_0"] as const)("is the same after it was written as %s", async (dtype) => {
    const plan = planOf(path, `export m to "m.gguf" {\n  format gguf\n  dtype ${dtype}\n}\n`);
    const { stage, layout, checkpoint } = await opened(path, plan);
    const weights = weightsOf(checkpoint, layout);
    const target = plan.stages.find((s) => s.kind === "export")?.gguf ?? null;
    if (target === null) throw new Error("nothing is exported");
    const side = sideFilesOf(path, stage.gguf);
    const tokenizer = tokenizerMetadata(side, layout.config, target.pretokenizers);
    const copy = join(scratch, `${dtype}.gguf`);
    await writeGgufModel(copy, weights, dtype, target, tokenizer);
    const [before, after] = [readGgufHeader(path), readGgufHeader(copy)];
    for (const [key, value] of before.metadata) expect(after.metadata.get(key), key).toEqual(value);
    const again = await opened(copy, planOf(copy));
    const reread = weightsOf(again.checkpoint, again.layout);
    for (const weight of layout.weights) {
      const [was, is] = [
        await readFloats(weights.tensor(weight)),
        await readFloats(reread.tensor(weight)),
      ];
      // Rows of 8 and 16 are no blocks of 32, so q8_0 falls back to f16.
      const near = (value: number, at: number): boolean =>
        Math.abs(value - (was[at] ?? Number.NaN)) <= Math.abs(value) * 2 ** -10;
      expect(is.every(dtype === "f32" ? (value, at) => value === was[at] : near), weight.file).toBe(
        true,
      );
    }
    const files = sideFilesOf(copy, again.stage.gguf);
    expect(readSideJson(files, "tokenizer.json")).toEqual(readSideJson(side, "tokenizer.json"));
    await checkpoint.close();
    await again.checkpoint.close();
  });
});

test("merges that follow from SentencePiece's scores are those that transformers derives", () => {
  const { tokens, scores, merges } = json("pieces.json");
  expect(merges.length).toBeGreaterThan(5);
  expect(sentencePieceMerges(tokens, scores)).toEqual(merges);
});

describe("a model that is split into files", () => {
  const first = "split-00001-of-00002.gguf";
  const second = "split-00002-of-00002.gguf";
  const copied = (folder: string, ...names: readonly string[]): string => {
    const path = join(scratch, folder);
    mkdirSync(path);
    for (const name of names) copyFileSync(fixture(name), join(path, name));
    return path;
  };

  test("opens by its first, with the tensors of all", async () => {
    const file = await openGguf(fixture(first));
    const tensors = [...file.tensors.keys()];
    expect(tensors).toEqual(["a", "b"]);
    const read = await Promise.all(tensors.map((name) => readFloats(file.tensor(name))));
    expect(read.flatMap((floats) => [...floats])).toEqual(Array.from({ length: 16 }, (_, i) => i));
    await file.close();
    expect((await hashModel(fixture(first))).map(({ path }) => path)).toEqual([first, second]);
  });

  test("does not open by another of them, and the first is named", () => {
    expect(() => readGgufHeader(fixture(second))).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/is file 2 of the 2 that a model is split into/),
        hint: expect.stringContaining(`open the first, ${first}`),
      }),
    );
  });

  test("is said by the check, with what to open", () => {
    const text = `edition 1\nmodel m = open(${JSON.stringify(fixture(second))})\n`;
    const { diagnostics } = check("spec.prune", text, fileHost("."));
    expect(diagnostics).toMatchObject([
      { code: "model-unreadable", hint: `open the first, ${first}, with the others beside it` },
    ]);
  });

  test("lacks a file, or has one of another model, or another name, and says so", () => {
    const alone = copied("alone", first);
    expect(() => readGgufHeader(join(alone, first))).toThrow(/split-00002-of-00002\.gguf/);
    const mixed = copied("mixed", first);
    copyFileSync(fixture("blocks.gguf"), join(mixed, second));
    expect(() => readGgufHeader(join(mixed, first))).toThrow(/have 9 of 2 tensors/);
    const twice = copied("twice", first);
    copyFileSync(fixture(first), join(twice, second));
    expect(() => readGgufHeader(join(twice, first))).toThrow(/has tensor a again/);
    const renamed = copied("renamed");
    copyFileSync(fixture(first), join(renamed, "model.gguf"));
    expect(() => readGgufHeader(join(renamed, "model.gguf"))).toThrow(
      /its name does not say of which/,
    );
  });
});

describe("a hostile file", () => {
  const whole = readFileSync(fixture("model.gguf"));
  const says = (bytes: Uint8Array): string => {
    const path = join(scratch, "hostile.gguf");
    writeFileSync(path, bytes);
    try {
      readGgufHeader(path);
      return "";
    } catch (error) {
      expect(error).toHaveProperty("name", "RunError");
      return error instanceof Error ? error.message.replace(path, "FILE") : "";
    }
  };
  const changed = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const copy = new Uint8Array(whole);
    copy.set(bytes, at);
    return copy;
  };
  const huge = [255, 255, 255, 255, 255, 255, 255, 127];

  test.each<[string, Uint8Array, RegExp]>([
    ["is empty", new Uint8Array(0), /cut short/],
    ["is something else", Buffer.from("PK\u0003\u0004 and more of it"), /is not a GGUF file/],
    ["is of another version", changed(4, 9), /of a version that is not read/],
    ["is big-endian", changed(4, 0, 0, 0, 3), /of a version that is not read/],
    ["claims countless tensors", changed(8, ...huge), /claims \d+ tensors/],
    ["claims countless keys", changed(16, ...huge), /claims \d+ keys/],
    ["claims an endless text", changed(24, ...huge), /claims \d+ bytes of text/],
    ["is cut within its data", whole.subarray(0, whole.length - 100), /cut short: tensor/],
  ])("that %s is refused", (_what, bytes, message) => {
    expect(says(bytes)).toMatch(message);
  });

  test("cut anywhere is refused in one line", () => {
    for (let length = 0; length < whole.length - 64; length += 97)
      expect(says(whole.subarray(0, length)), `${length}`).toMatch(/^FILE [^\n]+$/);
  });

  test("with any byte changed is read or refused in one line, at once", () => {
    fc.assert(
      fc.property(fc.nat(9000), fc.nat(255), (at, byte) => {
        expect(says(changed(at, byte))).toMatch(/^(FILE [^\n]+)?$/);
      }),
      { numRuns: 300 },
    );
  });

  test.each<[string, readonly number[], number, RegExp]>([
    ["overlaps another", [32], 32, /overlap/],
    ["has rows of a part of a block", [33], 0, /in blocks of/],
  ])("whose tensor %s is refused", async (_what, shape, overlap, message) => {
    const path = join(scratch, "tensors.gguf");
    const data = ofFloats(new Float32Array(64));
    const tensors = ["aaaa", "bbbb"].map((name) => ({
      name,
      dtype: "f32" as const,
      shape: [2, 32],
      data,
    }));
    await writeGguf(path, new Map(), tensors);
    const bytes = readFileSync(path);
    const second = bytes.indexOf("bbbb");
    if (overlap > 0) bytes.writeBigUInt64LE(BigInt(overlap), second + 4 + 4 + 16 + 4);
    else {
      bytes.writeBigUInt64LE(BigInt(shape[0] ?? 0), second + 4 + 4);
      bytes.writeUInt32LE(8, second + 4 + 4 + 16);
    }
    expect(says(bytes)).toMatch(message);
  });

  test("with a type that is not read says so when the tensor is wanted", async () => {
    const path = join(scratch, "q2.gguf");
    await writeGguf(path, new Map(), [
      { name: "xxxx", dtype: "f32", shape: [1, 32], data: ofFloats(new Float32Array(32)) },
    ]);
    const bytes = readFileSync(path);
    for (const [type, name] of [
      [19, "IQ1_S"],
      [39, "MXFP4"],
      [99, "type 99"],
    ] as const) {
      bytes.writeUInt32LE(type, bytes.indexOf("xxxx") + 4 + 4 + 16);
      writeFileSync(path, bytes);
      const file = await openGguf(path);
      expect(() => file.tensor("xxxx")).toThrow(
        new RegExp(`is ${name}; weights are read from F32, F16, BF16, Q4_0`),
      );
      await file.close();
    }
  });
});

test("a model of an architecture that no block names is said by the check", () => {
  const host = fileHost(".");
  const text = `edition 1\nmodel m = open(${JSON.stringify(fixture("blocks.gguf"))})\n`;
  const { diagnostics } = check("spec.prune", text, host);
  expect(diagnostics.map(({ code }) => code)).toEqual(["unknown-architecture"]);
  expect(diagnostics[0]?.message).toContain("GGUF's none");
});

test("a model with a type that is not read is refused by the check, which says which are", () => {
  const path = join(scratch, "iq.gguf");
  const bytes = readFileSync(fixture("model.gguf"));
  const name = "blk.1.ffn_down.weight";
  // After the name: how many dimensions, two of them, and the type.
  bytes.writeUInt32LE(19, bytes.indexOf(name) + name.length + 4 + 16);
  writeFileSync(path, bytes);
  const text = `edition 1\nmodel m = open(${JSON.stringify(path)})\n`;
  const { diagnostics } = check("spec.prune", text, fileHost("."));
  expect(diagnostics.map(({ code }) => code)).toEqual(["model-unreadable"]);
  expect(diagnostics[0]?.message).toContain(`tensor ${name} is IQ1_S; weights are read from F32,`);
});

test("numbers of elements at odd places survive a copy by ranges", async () => {
  const path = join(scratch, "plain.gguf");
  const numbers = Float32Array.from({ length: 96 }, (_, at) => at / 7);
  await writeGguf(path, new Map([["a.b", { type: "f32", value: 1e-5 }]]), [
    { name: "x", dtype: "f32", shape: [3, 32], data: ofFloats(numbers) },
  ]);
  const file = await openGguf(path);
  expect(file.metadata.get("a.b")).toBe(1e-5);
  const part = new Float32Array(9);
  await file.tensor("x").read(40, bytesOf(part));
  expect(part).toEqual(numbers.subarray(40, 49));
  await file.close();
});
