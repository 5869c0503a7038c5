/**
 * Writes a model as a Hugging Face folder: config.json, model.safetensors (or shards and their index), and the tokenizer
 * of the model it came from. Built under a temporary name beside the target: never half-written under the final one.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { ModelLayout } from "../../compiler/plan.js";
import { fileError, RunError } from "../errors.js";
import { CONFIG_FILE } from "./config.js";
import { type FileTensor, fileTensors } from "./file-tensors.js";
import { writeSafetensors } from "./safetensors.js";
import { readSideText, type SideFile, writeSideFile } from "./side-files.js";
import { spelledAs } from "./spelling.js";
import { DTYPE_BYTES, type Dtype } from "./stored-tensor.js";
import { INDEX_FILE, WEIGHTS_FILE } from "./weight-files.js";
import type { Weights } from "./weights.js";
import { assertWritable } from "./writable.js";

/** Where Hugging Face cuts: a shard holds at most so many bytes, or one tensor. */
const SHARD_BYTES = 5_000_000_000;

const TORCH_DTYPE: Readonly<Record<Dtype, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
};

/** config.json with the type of the numbers, under the key it has there (newer files say `dtype`), spelled as in the one among `side`. */
const configText = (layout: ModelLayout, dtype: Dtype, side: readonly SideFile[]): string => {
  const present = ["torch_dtype", "dtype"].filter((key) => key in layout.config);
  const keys = present.length === 0 ? ["torch_dtype"] : present;
  const types = Object.fromEntries(keys.map((key) => [key, TORCH_DTYPE[dtype]]));
  const config = { ...layout.config, ...types };
  return `${spelledAs(config, readSideText(side, CONFIG_FILE) ?? "{}")}\n`;
};

const bytesIn = ({ count }: FileTensor, dtype: Dtype): number => count * DTYPE_BYTES[dtype];

/** Tensors in their order, parted where the next would go over the limit. */
const shardsOf = (
  tensors: readonly FileTensor[],
  dtype: Dtype,
  limit: number,
): readonly FileTensor[][] => {
  const shards: FileTensor[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    const bytes = bytesIn(tensor, dtype);
    if (used + bytes > limit) {
      shards.push([]);
      used = 0;
    }
    shards.at(-1)?.push(tensor);
    used += bytes;
  }
  return shards;
};

const shardName = (index: number, count: number): string => {
  if (count === 1) return WEIGHTS_FILE;
  const number = (value: number): string => String(value).padStart(5, "0");
  return `model-${number(index + 1)}-of-${number(count)}.safetensors`;
};

const indexText = (shards: readonly FileTensor[][], dtype: Dtype): string => {
  const entries = shards.flatMap((tensors, i) =>
    tensors.map(({ name }): [string, string] => [name, shardName(i, shards.length)]),
  );
  const total = shards.flat().reduce((sum, tensor) => sum + bytesIn(tensor, dtype), 0);
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(entries) };
  return `${JSON.stringify(index, null, 2)}\n`;
};

const writeShards = async (
  folder: string,
  weights: Weights,
  dtype: Dtype,
  limit: number,
): Promise<void> => {
  const shards = shardsOf(fileTensors(weights), dtype, limit);
  for (const [index, shard] of shards.entries()) {
    const tensors = shard.map(({ name, shape, data }) => ({
      name,
      dtype,
      shape,
      data: data(dtype),
    }));
    await writeSafetensors(join(folder, shardName(index, shards.length)), tensors);
  }
  if (shards.length > 1) await writeFile(join(folder, INDEX_FILE), indexText(shards, dtype));
};

/** Only an earlier model, or nothing, may be replaced. */
const checkTarget = (target: string): void => {
  assertWritable(dirname(target));
  if (!existsSync(target)) return;
  assertWritable(target);
  if (readdirSync(target).length > 0 && !existsSync(join(target, "config.json")))
    throw new RunError(`${target} holds something that is not a model`, {
      hint: "export to another name, or move it away",
    });
};

/** Puts the finished folder in place; an earlier model is moved aside first and goes last. */
const replaceFolder = async (temporary: string, target: string, old: string): Promise<void> => {
  await rm(old, { recursive: true, force: true });
  if (existsSync(target)) await rename(target, old);
  await rename(temporary, target);
  await rm(old, { recursive: true, force: true });
};

/**
 * Writes a model to the folder `target` in `dtype`, weight by weight; tokenizer and generation files are `side`, and the config.json whose spelling is kept.
 * Weights that are kept in `dtype` stay bit for bit. Equal arguments give equal bytes. RunError where it cannot be written, and then nothing is under `target`.
 */
export const writeModelFolder = async (
  target: string,
  weights: Weights,
  dtype: Dtype,
  side: readonly SideFile[],
  shardBytes: number = SHARD_BYTES,
): Promise<void> => {
  const place = resolve(target);
  const hidden = (what: string): string => join(dirname(place), `.${basename(place)}.${what}`);
  const temporary = hidden("partial");
  checkTarget(place);
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, CONFIG_FILE), configText(weights.layout, dtype, side));
    for (const file of side.filter(({ name }) => name !== CONFIG_FILE))
      await writeSideFile(temporary, file);
    await writeShards(temporary, weights, dtype, shardBytes);
    await replaceFolder(temporary, place, hidden("old"));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw fileError("write", target, error);
  }
};
