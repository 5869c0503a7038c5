/**
 * The header of a safetensors file: names, types, shapes and byte ranges, all of it hostile until checked here.
 * Format: huggingface/safetensors README, "Format"; ranges must cover the data exactly, with no hole and no overlap.
 */
import { z } from "zod";
import { RunError } from "../errors.js";
import { duplicateKey } from "./duplicate-key.js";
import { parseObject } from "./json-file.js";

/** Bytes of one element, of the types that fill whole bytes; only floats of at most 32 bits are read as weights. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((name) => [name, 1] as const),
  ...["U16", "I16", "F16", "BF16"].map((name) => [name, 2] as const),
  ...["U32", "I32", "F32"].map((name) => [name, 4] as const),
  ...["U64", "I64", "F64"].map((name) => [name, 8] as const),
]);

export interface TensorEntry {
  readonly name: string;
  /** As the file spells it, e.g. "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the data. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const whole = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string().max(16),
  shape: z.array(whole).max(32),
  data_offsets: z.tuple([whole, whole]),
});
const metadataSchema = z.record(z.string(), z.string());

const entryOf = (name: string, value: unknown, path: string): TensorEntry => {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined ? "" : `: ${issue.path.join(".")} ${issue.message}`;
    throw new RunError(`${path}: the header of tensor ${name} is malformed${where}`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  const [begin, end] = data_offsets;
  return { name, dtype, shape, begin, end };
};

/** The bytes between the offsets must be those of the shape; types of part of a byte are not counted. */
const checkExtent = ({ name, dtype, shape, begin, end }: TensorEntry, path: string): void => {
  if (end < begin)
    throw new RunError(`${path}: tensor ${name} ends before it begins (${begin}, ${end})`);
  const size = ELEMENT_BYTES.get(dtype);
  if (size === undefined) return;
  const bytes = shape.reduce((product, length) => product * length, size);
  if (bytes !== end - begin)
    throw new RunError(
      `${path}: tensor ${name} is ${dtype} [${shape.join(", ")}], yet has ${end - begin} bytes`,
    );
};

const checkCover = (tensors: readonly TensorEntry[], dataBytes: number, path: string): void => {
  let reached = 0;
  for (const { name, begin, end } of tensors.toSorted(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin < reached) throw new RunError(`${path}: tensor ${name} overlaps the one before it`);
    if (begin > reached)
      throw new RunError(
        `${path}: ${begin - reached} bytes before tensor ${name} belong to no tensor`,
      );
    if (end > dataBytes)
      throw new RunError(
        `${path} is cut short: tensor ${name} ends at byte ${end} of ${dataBytes}`,
      );
    reached = end;
  }
  if (reached < dataBytes)
    throw new RunError(`${path}: the last ${dataBytes - reached} bytes belong to no tensor`);
};

/** Reads the JSON of a header; `dataBytes` is what the file holds after it. */
export const parseHeader = (text: string, dataBytes: number, path: string): Header => {
  const value = parseObject(text, `${path}: the header`);
  const twice = duplicateKey(text);
  if (twice !== null) throw new RunError(`${path}: the header has ${twice} twice`);
  const metadata = metadataSchema.safeParse(value.__metadata__ ?? {});
  if (!metadata.success) throw new RunError(`${path}: the header's metadata is not a map of texts`);
  const tensors = Object.entries(value)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => entryOf(name, entry, path));
  for (const tensor of tensors) checkExtent(tensor, path);
  checkCover(tensors, dataBytes, path);
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: metadata.data,
  };
};

/** The first bytes of a file: length and JSON, padded with spaces so that the data begins at a multiple of 8. */
export const formatHeader = (
  tensors: readonly TensorEntry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array => {
  const entries = tensors.map(({ name, dtype, shape, begin, end }): [string, unknown] => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  const text = JSON.stringify(Object.fromEntries([["__metadata__", metadata], ...entries]));
  const json = Buffer.from(text, "utf8");
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  bytes.set(json, 8);
  return bytes;
};
