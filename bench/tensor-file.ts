/** Tensors in files: how the same inputs reach every contestant. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { philox, streamOf } from "../runtime/data/random.js";
import type { TensorFile } from "./task.js";

const count = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

export const readFloats = ({ path }: Pick<TensorFile, "path">): Float32Array => {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

export const readWords = ({ path }: TensorFile): Uint32Array => {
  const bytes = readFileSync(path);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

export const writeTensor = (
  folder: string,
  name: string,
  shape: readonly number[],
  data: Float32Array | Uint32Array,
): TensorFile => {
  if (data.length !== count(shape)) throw new Error(`${name} has ${data.length} elements`);
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { path, shape };
};

/** Uniform in ±scale, a function of the name alone. */
export const randomTensor = (
  folder: string,
  name: string,
  shape: readonly number[],
  scale = 1,
): TensorFile => {
  const data = new Float32Array(count(shape));
  const key = [streamOf(name), 0] as const;
  for (let at = 0; at < data.length; at += 4)
    data.set(
      philox([at / 4, 0, 0, 0], key)
        .slice(0, data.length - at)
        .map((word) => scale * (word / 2 ** 31 - 1)),
      at,
    );
  return writeTensor(folder, name, shape, data);
};
