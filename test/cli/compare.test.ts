/** `espalier compare`: whether logits are those of another program, where they are not, and files that say nothing of the model. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedOf, folderOf } from "../oracle/tiny-models.js";
import { espalier } from "../support/espalier.js";

const FAMILY = "qwen3";

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

const integers = (shape: readonly number[], values: readonly number[]): Tensor => {
  const bytes = Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer);
  return { dtype: "I64", shape, bytes };
};

const floats = (shape: readonly number[], values: readonly number[]): Tensor => {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  return { dtype: "F32", shape, bytes };
};

/** As Python's safetensors writes one. */
const safetensors = (tensors: Readonly<Record<string, Tensor>>): Buffer => {
  let end = 0;
  const header = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...Object.values(tensors).map(({ bytes }) => bytes)]);
};

describe("a tiny model", () => {
  const { tokens, cases } = expectedOf(FAMILY);
  const logits = cases[0]?.logits ?? [];
  const [positions, vocab] = [logits.length, logits[0]?.length ?? 0];
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-compare-"));
    cpSync(folderOf(FAMILY), join(folder, "model"), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const compared = (tensors: Readonly<Record<string, Tensor>>, ...args: readonly string[]) => {
    writeFileSync(join(folder, "reference.safetensors"), safetensors(tensors));
    return espalier(["compare", "model", "--with", "reference.safetensors", ...args], folder);
  };

  const twice = <V>(values: readonly V[]): readonly V[] => [...values, ...values];
  const all = floats([2, positions, vocab], twice(logits.flat()));
  const read = integers([2, positions], twice(tokens));

  test("gives the logits of transformers", async () => {
    const { code, stdout } = await compared({ tokens: read, logits: all });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^logits agree: they differ by \d\.\de-\d at most, of up to \d.\d, over 2 windows of 12 tokens\n$/,
    );
  });

  test("says where others are, and what that tells", async () => {
    const others = twice(logits.flat()).with((positions + 5) * vocab + 7, 99);
    const { code, stdout } = await compared({
      tokens: read,
      logits: floats([2, positions, vocab], others),
    });
    expect(code).toBe(4);
    expect(stdout).toMatch(
      /^logits differ by up to \d+, of up to 99, over 2 windows of 12 tokens$/m,
    );
    expect(stdout).toMatch(
      /^most for token 7 at position 5 of window 1: \S+ here, 99.0000 there$/m,
    );
    expect(stdout).toMatch(/^hint: up to position 4 they agree: /m);
  });

  test("as JSON, and as near as is asked for", async () => {
    const { code, stdout } = await compared(
      { tokens: read, logits: all },
      "--json",
      "--within",
      "1e-12",
    );
    expect(code).toBe(4);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ model: "model", agree: false, within: 1e-12 });
    expect(report.byPosition).toHaveLength(positions);
    expect(Math.max(...report.byPosition)).toBe(report.largest.by);
  });

  test.each([
    [{ logits: all }, /has no tensor tokens$/],
    [
      { tokens: integers([2 * positions], twice(tokens)), logits: all },
      /tokens is \[24\], where \[window, position\] is wanted$/,
    ],
    [
      { tokens: integers([1, positions], tokens), logits: all },
      /logits are of 2 windows of 12 tokens, tokens of 1 of 12$/,
    ],
    [
      { tokens: integers([1, positions], tokens), logits: floats([1, positions, 1], tokens) },
      /logits are of 1 tokens, the model's of 48$/,
    ],
    [
      { tokens: integers([1, 1], [48]), logits: floats([1, 1, vocab], logits[0] ?? []) },
      /there is a token 48, the model has 0 to 47$/,
    ],
    [
      { tokens: floats([2, positions], twice(tokens)), logits: all },
      /tensor tokens is F32, where one of I32, U32, I64 is wanted$/,
    ],
  ])("refuses files of another kind: %#", async (tensors, message) => {
    const { code, stderr } = await compared(tensors as Readonly<Record<string, Tensor>>);
    expect(code).toBe(3);
    expect(stderr.trim()).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
