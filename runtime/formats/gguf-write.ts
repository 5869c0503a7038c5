/** Writes GGUF files, version 3: metadata, then tensors in the order given, packed block by block as they are read. */
import type { FileHandle } from "node:fs/promises";
import { RunError } from "../errors.js";
import { packQ8, Q8_0 } from "./gguf-blocks.js";
import { replaceFile, writeFully } from "./replace-file.js";
import {
  BLOCK,
  converted,
  DTYPE_BYTES,
  type Dtype,
  floatBlocks,
  type StoredTensor,
} from "./stored-tensor.js";

export type GgufDtype = Dtype | "q8_0";

/** A value with the type that readers expect of its key. */
export type TypedValue =
  | { readonly type: "u32" | "i32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "texts"; readonly value: readonly string[] }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "i32s" | "f32s"; readonly value: readonly number[] };

export interface GgufTensorData {
  readonly name: string;
  readonly dtype: GgufDtype;
  readonly shape: readonly number[];
  readonly data: StoredTensor;
}

const MAGIC = 0x46554747;
const VERSION = 3;
const ALIGNMENT = 32;
const TYPES: Readonly<Record<GgufDtype, number>> = { f32: 0, f16: 1, q8_0: 8, bf16: 30 };

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
};
const array = (type: number, values: readonly Buffer[]): Buffer =>
  Buffer.concat([u32(9), u32(type), u64(values.length), ...values]);

/** The number of a value's type, then the value. */
const typed = (value: TypedValue): Buffer => {
  switch (value.type) {
    case "u32":
      return Buffer.concat([u32(4), u32(value.value)]);
    case "i32":
      return Buffer.concat([u32(5), i32(value.value)]);
    case "f32":
      return Buffer.concat([u32(6), f32(value.value)]);
    case "bool":
      return Buffer.concat([u32(7), Buffer.of(value.value ? 1 : 0)]);
    case "text":
      return Buffer.concat([u32(8), text(value.value)]);
    case "texts":
      return array(8, value.value.map(text));
    case "bytes":
      return Buffer.concat([u32(9), u32(0), u64(value.value.length), value.value]);
    case "i32s":
      return array(5, value.value.map(i32));
    case "f32s":
      return array(6, value.value.map(f32));
    default:
      return value satisfies never;
  }
};

const sizeOf = ({ dtype, data }: GgufTensorData): number =>
  dtype === "q8_0" ? (data.count / Q8_0.elements) * Q8_0.bytes : data.count * DTYPE_BYTES[dtype];

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const headerOf = (
  metadata: ReadonlyMap<string, TypedValue>,
  tensors: readonly GgufTensorData[],
): Buffer => {
  const parts = [u32(MAGIC), u32(VERSION), u64(tensors.length), u64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), typed(value));
  let offset = 0;
  for (const tensor of tensors) {
    const { name, shape, dtype } = tensor;
    parts.push(text(name), u32(shape.length), ...shape.toReversed().map(u64));
    parts.push(u32(TYPES[dtype]), u64(offset));
    offset += aligned(sizeOf(tensor));
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]);
};

const writePacked = async (file: FileHandle, data: StoredTensor): Promise<void> => {
  const bytes = new Uint8Array((Math.min(data.count, BLOCK) / Q8_0.elements) * Q8_0.bytes);
  for await (const { floats } of floatBlocks(data)) {
    const part = bytes.subarray(0, (floats.length / Q8_0.elements) * Q8_0.bytes);
    packQ8(floats, part);
    await writeFully(file, part);
  }
};

const writePlain = async (file: FileHandle, data: StoredTensor, dtype: Dtype): Promise<void> => {
  const source = converted(data, dtype);
  const size = DTYPE_BYTES[dtype];
  const bytes = new Uint8Array(Math.min(source.count, BLOCK) * size);
  for (let start = 0; start < source.count; start += BLOCK) {
    const part = bytes.subarray(0, (source.count - start) * size);
    await source.read(start, part);
    await writeFully(file, part);
  }
};

/** Writes a file under a temporary name, then into place. Rows of q8_0 tensors hold whole blocks of 32. */
export const writeGguf = async (
  path: string,
  metadata: ReadonlyMap<string, TypedValue>,
  tensors: readonly GgufTensorData[],
): Promise<void> => {
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size < tensors.length) throw new RunError(`${path}: two tensors have one name`);
  await replaceFile(path, async (file) => {
    await writeFully(file, headerOf(metadata, tensors));
    for (const tensor of tensors) {
      if (tensor.dtype === "q8_0") await writePacked(file, tensor.data);
      else await writePlain(file, tensor.data, tensor.dtype);
      const bytes = sizeOf(tensor);
      await writeFully(file, new Uint8Array(aligned(bytes) - bytes));
    }
  });
};
