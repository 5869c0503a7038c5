/** Folders made to harm: an index that points elsewhere, configs and tokenizers that are something else. */
import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { readConfig } from "../../runtime/formats/config.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import { openTokenizer } from "../../runtime/formats/tokenizer.js";
import { floatsFile } from "../support/safetensors-bytes.js";
import { inScratch } from "../support/scratch.js";

const tensor = floatsFile([{ name: "x", shape: [1], data: [1] }]);

describe("an index", () => {
  const withIndex = (index: unknown, says: RegExp) =>
    inScratch(async (folder) => {
      const model = join(folder, "model");
      mkdirSync(model);
      writeFileSync(join(folder, "other.safetensors"), tensor);
      writeFileSync(join(model, "part.safetensors"), tensor);
      writeFileSync(
        join(model, "model.safetensors.index.json"),
        typeof index === "string" ? index : JSON.stringify(index),
      );
      await expect(openCheckpoint(model)).rejects.toThrow(says);
    });

  test.each([
    "../other.safetensors",
    "/etc/passwd",
    "/other.safetensors",
    "a/../../other.safetensors",
    "..\\other.safetensors",
    "C:other.safetensors",
    "..",
    ".hidden.safetensors",
    "part.safetensors\0.txt",
    "part.bin",
    "",
  ])("cannot name %j", (file) =>
    withIndex({ weight_map: { x: file } }, /puts tensor x in .*no file of this folder/));

  test("names a file that is not there", () =>
    withIndex({ weight_map: { x: "none.safetensors" } }, /none\.safetensors is missing/));
  test("names a tensor that is not there", () =>
    withIndex({ weight_map: { x: "part.safetensors", y: "part.safetensors" } }, /has no tensor y/));
  test("has no map", () => withIndex({ weights: {} }, /no weight_map/));
  test("has a map to something else", () => withIndex({ weight_map: { x: 5 } }, /no weight_map/));
  test("is no JSON", () => withIndex("{", /index\.json is not valid JSON/));

  test("of the right kind is read over all its files", () =>
    inScratch(async (folder) => {
      writeFileSync(join(folder, "a.safetensors"), tensor);
      writeFileSync(
        join(folder, "b.safetensors"),
        floatsFile([{ name: "y", shape: [2], data: [2, 3] }]),
      );
      const index = { weight_map: { y: "b.safetensors", x: "a.safetensors" } };
      writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
      const checkpoint = await openCheckpoint(folder);
      expect([...checkpoint.names].sort()).toEqual(["x", "y"]);
      expect(checkpoint.shape("y")).toEqual([2]);
      expect([...(await readFloats(checkpoint.tensor("y")))]).toEqual([2, 3]);
      expect(() => checkpoint.tensor("z")).toThrow(/has no tensor z/);
      await checkpoint.close();
    }));
});

test("a folder without weights says so", () =>
  inScratch((folder) =>
    expect(openCheckpoint(folder)).rejects.toThrow(/neither model\.safetensors nor/),
  ));

test("so does a file in the place of a folder", () =>
  inScratch((folder) => {
    const file = join(folder, "model");
    writeFileSync(file, "");
    return expect(openCheckpoint(file)).rejects.toThrow(/neither model\.safetensors nor/);
  }));

describe("config.json", () => {
  const cases: readonly (readonly [string, string | Uint8Array | null, RegExp])[] = [
    ["missing", null, /config\.json is missing/],
    ["no JSON", "{'a': 1}", /config\.json is not valid JSON/],
    ["a list", "[]", /does not hold a JSON object/],
    ["null", "null", /does not hold a JSON object/],
    ["not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
    ["of 2 MB", `{"a":"${"x".repeat(2 << 20)}"}`, /bytes, more than the 1048576 allowed/],
  ];
  test.each(cases)("that is %s", (_, content, says) =>
    inScratch((folder) => {
      if (content !== null) writeFileSync(join(folder, "config.json"), content);
      expect(() => readConfig(folder)).toThrow(says);
    }));
  test("that is a folder", () =>
    inScratch((folder) => {
      mkdirSync(join(folder, "config.json"));
      expect(() => readConfig(folder)).toThrow(/config\.json is not a file/);
    }));
  test("that is right", () =>
    inScratch((folder) => {
      writeFileSync(join(folder, "config.json"), ' {"a": [1]}\n');
      expect(readConfig(folder)).toEqual({ config: { a: [1] }, text: ' {"a": [1]}\n' });
    }));
});

describe("a tokenizer", () => {
  const example = fileURLToPath(new URL("../../examples/models/sotu-1m", import.meta.url));
  const inModel = (use: (folder: string) => Promise<void>) =>
    inScratch(async (folder) => {
      for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"])
        cpSync(join(example, name), join(folder, name));
      await use(folder);
    });
  const config = (folder: string, value: object) =>
    writeFileSync(join(folder, "config.json"), JSON.stringify(value));

  test("that is missing, cut short, or something else", () =>
    inModel(async (folder) => {
      const path = join(folder, "tokenizer.json");
      writeFileSync(path, '{"model": {"type": "Unknown"}}');
      await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json is not a tokenizer/);
      writeFileSync(path, "{}");
      await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json is not a tokenizer/);
      truncateSync(path, 1);
      await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json is not valid JSON/);
      rmSync(path);
      await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json is missing/);
    }));

  test("begins documents with bos, else end of text, else what it says itself", () =>
    inModel(async (folder) => {
      const startWith = async (value: object): Promise<number> => {
        config(folder, value);
        return (await openTokenizer(folder)).start;
      };
      expect(await startWith({ bos_token_id: 5, eos_token_id: 6 })).toBe(5);
      expect(await startWith({ bos_token_id: null, eos_token_id: 6 })).toBe(6);
      expect(await startWith({ eos_token_id: [7, 8] })).toBe(7);
      expect(await startWith({})).toBe(0);
      writeFileSync(join(folder, "tokenizer_config.json"), '{"eos_token": {"content": "A"}}');
      expect(await startWith({})).toBe(33);
      rmSync(join(folder, "tokenizer_config.json"));
      await expect(startWith({})).rejects.toThrow(/names no token that begins or ends a text/);
    }));

  test("gives no token that the model has no row for", () =>
    inModel(async (folder) => {
      config(folder, { bos_token_id: 0, vocab_size: 100 });
      const tokenizer = await openTokenizer(folder);
      expect([...tokenizer.encode("AB")]).toEqual([33, 34]);
      expect(() => tokenizer.encode("the government")).toThrow(
        /gives token \d+, the model's vocabulary has 100/,
      );
      config(folder, { bos_token_id: 100, vocab_size: 100 });
      await expect(openTokenizer(folder)).rejects.toThrow(/gives token 100/);
    }));
});
