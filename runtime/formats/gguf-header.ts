/**
 * The header of a GGUF file: metadata by key, and where each tensor is; all of it hostile until checked here.
 * Format: ggml, docs/gguf.md, versions 2 and 3, little-endian. Our own, as @huggingface/gguf is made for files at a URL
 * and allocates what a header claims before it looks whether the file can hold that.
 */
import { RunError } from "../errors.js";
import { BLOCKS, UNREAD_TYPES } from "./gguf-blocks.js";

export type GgufValue = number | boolean | string | readonly GgufValue[];
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufTensorEntry {
  /** The file that it is in, of those that a model may be split into. */
  readonly path: string;
  readonly name: string;
  /** Outermost first, as everywhere here; the file has them the other way round. */
  readonly shape: readonly number[];
  readonly type: number;
  /** From the start of the file. */
  readonly begin: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensorEntry>;
}

/** The header goes on past the bytes at hand. */
export class MoreBytes extends Error {}

const MAGIC = 0x46554747;
const DEFAULT_ALIGNMENT = 32;
const MOST_DIMENSIONS = 4;
/** Arrays in arrays: the format allows them, and nothing needs many. */
const DEEPEST = 4;

const PLAIN: ReadonlyMap<number, { readonly name: string; readonly bytes: number }> = new Map([
  [0, { name: "F32", bytes: 4 }],
  [1, { name: "F16", bytes: 2 }],
  [30, { name: "BF16", bytes: 2 }],
]);

const typeName = (type: number): string =>
  (PLAIN.get(type) ?? BLOCKS.get(type))?.name ?? UNREAD_TYPES.get(type) ?? `type ${type}`;

export const isReadable = (type: number): boolean => PLAIN.has(type) || BLOCKS.has(type);

/** What is wrong with a tensor of a type that is not read, and which are. */
export const unreadableTensor = ({ name, type }: GgufTensorEntry): string => {
  const known = [...PLAIN.values(), ...BLOCKS.values()].map((one) => one.name).join(", ");
  return `tensor ${name} is ${typeName(type)}; weights are read from ${known}`;
};

/** The shortest decimal that is this f32: 1e-5 rather than 9.999999747378752e-6, as a config.json would have it. */
export const shortest = (value: number): number => {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
};

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads on from a place; `total` is the whole file's size, which no length may exceed. */
class Cursor {
  at = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    readonly total: number,
    readonly path: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The place of the next `length` bytes. */
  take(length: number): number {
    if (length > this.total - this.at) this.fail("is cut short, or claims more than it holds");
    if (length > this.bytes.length - this.at) throw new MoreBytes();
    const { at } = this;
    this.at += length;
    return at;
  }
  fail(what: string): never {
    throw new RunError(`${this.path} ${what}`, { hint: "it is not a whole GGUF file" });
  }
  number(type: number): number {
    switch (type) {
      case 0:
        return this.view.getUint8(this.take(1));
      case 1:
        return this.view.getInt8(this.take(1));
      case 2:
        return this.view.getUint16(this.take(2), true);
      case 3:
        return this.view.getInt16(this.take(2), true);
      case 4:
        return this.view.getUint32(this.take(4), true);
      case 5:
        return this.view.getInt32(this.take(4), true);
      case 6:
        return shortest(this.view.getFloat32(this.take(4), true));
      case 10:
        return Number(this.view.getBigUint64(this.take(8), true));
      case 11:
        return Number(this.view.getBigInt64(this.take(8), true));
      case 12:
        return this.view.getFloat64(this.take(8), true);
      default:
        return this.fail(`has a value of the unknown type ${type}`);
    }
  }
  /** A count or length of things of at least `bytes` bytes each, which the file can hold. */
  count(bytes: number, what: string): number {
    const count = this.number(10);
    if (!(count * bytes <= this.total)) this.fail(`claims ${count} ${what}`);
    return count;
  }
  text(): string {
    const length = this.count(1, "bytes of text");
    const at = this.take(length);
    try {
      return decoder.decode(this.bytes.subarray(at, at + length));
    } catch {
      return this.fail("has text that is not UTF-8");
    }
  }
}

const BOOL = 7;
const TEXT = 8;
const ARRAY = 9;
const LEAST_BYTES: ReadonlyMap<number, number> = new Map([
  ...[0, 1, BOOL].map((type) => [type, 1] as const),
  ...[2, 3].map((type) => [type, 2] as const),
  ...[4, 5, 6].map((type) => [type, 4] as const),
  ...[TEXT, 10, 11, 12].map((type) => [type, 8] as const),
  [ARRAY, 12],
]);

const readValue = (cursor: Cursor, type: number, depth: number): GgufValue => {
  switch (type) {
    case BOOL:
      return cursor.number(0) !== 0;
    case TEXT:
      return cursor.text();
    case ARRAY: {
      if (depth === DEEPEST) return cursor.fail("has arrays within arrays too deep to read");
      const of = cursor.number(4);
      const bytes = LEAST_BYTES.get(of) ?? cursor.fail(`has a value of the unknown type ${of}`);
      const count = cursor.count(bytes, "values in an array");
      const values: GgufValue[] = [];
      for (let i = 0; i < count; i++) values.push(readValue(cursor, of, depth + 1));
      return values;
    }
    default:
      return cursor.number(type);
  }
};

const readMetadata = (cursor: Cursor, count: number): GgufMetadata => {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.text();
    if (metadata.has(key)) cursor.fail(`has the key ${JSON.stringify(key)} twice`);
    metadata.set(key, readValue(cursor, cursor.number(4), 0));
  }
  return metadata;
};

interface Described {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly offset: number;
}

const describe = (cursor: Cursor): Described => {
  const name = cursor.text();
  const dimensions = cursor.number(4);
  if (dimensions > MOST_DIMENSIONS) cursor.fail(`gives tensor ${name} ${dimensions} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) shape.unshift(cursor.number(10));
  const type = cursor.number(4);
  return { name, shape, type, offset: cursor.number(10) };
};

/** Bytes of a tensor; types that cannot be read take at least one, so that they are refused only when they are wanted. */
const bytesOf = ({ name, shape, type }: Described, cursor: Cursor): number => {
  const elements = shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(elements) || elements < 1)
    return cursor.fail(`gives tensor ${name} the shape [${shape.join(", ")}]`);
  const plain = PLAIN.get(type);
  if (plain !== undefined) return elements * plain.bytes;
  const blocks = BLOCKS.get(type);
  if (blocks === undefined) return 1;
  const row = shape.at(-1) ?? 1;
  if (row % blocks.elements !== 0)
    return cursor.fail(`packs rows of ${row} of tensor ${name} in blocks of ${blocks.elements}`);
  return (elements / blocks.elements) * blocks.bytes;
};

const alignmentOf = (metadata: GgufMetadata, cursor: Cursor): number => {
  const value = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const fits = typeof value === "number" && value >= 1 && value <= 2 ** 20 && value % 1 === 0;
  return fits ? value : cursor.fail("has an alignment that cannot be");
};

const place = (
  described: readonly Described[],
  dataStart: number,
  alignment: number,
  cursor: Cursor,
): ReadonlyMap<string, GgufTensorEntry> => {
  const tensors = new Map<string, GgufTensorEntry>();
  for (const each of described) {
    const { name, shape, type, offset } = each;
    if (tensors.has(name)) cursor.fail(`has two tensors ${name}`);
    const bytes = bytesOf(each, cursor);
    if (offset % alignment !== 0) cursor.fail(`puts tensor ${name} off its alignment`);
    const begin = dataStart + offset;
    if (!(begin + bytes <= cursor.total))
      cursor.fail(`is cut short: tensor ${name} ends at byte ${begin + bytes} of ${cursor.total}`);
    tensors.set(name, { path: cursor.path, name, shape, type, begin, bytes });
  }
  const sorted = [...tensors.values()].sort((a, b) => a.begin - b.begin);
  for (const [at, { name, begin }] of sorted.entries()) {
    const before = sorted[at - 1];
    if (before !== undefined && before.begin + before.bytes > begin)
      cursor.fail(`has tensor ${name} overlap ${before.name}`);
  }
  return tensors;
};

/** Reads the header from the first bytes of a file of `total` bytes. Throws MoreBytes where it needs more of them. */
export const parseGguf = (bytes: Uint8Array, total: number, path: string): GgufHeader => {
  const cursor = new Cursor(bytes, total, path);
  if (cursor.number(4) !== MAGIC) throw new RunError(`${path} is not a GGUF file`);
  const version = cursor.number(4);
  if (version !== 2 && version !== 3)
    throw new RunError(`${path} is GGUF of a version that is not read here`, {
      hint: "versions 2 and 3 are, little-endian",
    });
  // A name, dimensions, type and offset; a key, type and value.
  const tensorCount = cursor.count(24, "tensors");
  const metadata = readMetadata(cursor, cursor.count(13, "keys"));
  const described: Described[] = [];
  for (let i = 0; i < tensorCount; i++) described.push(describe(cursor));
  const alignment = alignmentOf(metadata, cursor);
  const dataStart = Math.ceil(cursor.at / alignment) * alignment;
  return { metadata, tensors: place(described, dataStart, alignment, cursor) };
};

/** Numbers of plain types, and the dtype that their elements have. */
export const PLAIN_DTYPES = new Map([
  [0, "f32"],
  [1, "f16"],
  [30, "bf16"],
] as const);
