/**
 * Rows of a table with one for each token, of which a batch needs few. Most tokens of a text come again and again: their
 * rows are kept, up to a bound, as reading one takes as long as some layers of a small model take for its token.
 */
import { RunError } from "../errors.js";
import { bytesOf, converted, type StoredTensor } from "../formats/stored-tensor.js";

/** Bytes of rows that are kept. */
const KEPT_BYTES = 64 * 2 ** 20;

export interface TableRows {
  /** The rows of these tokens as f32, one after the other; RunError where a token has none. */
  readonly of: (tokens: Uint32Array) => Promise<Float32Array>;
}

/** Of a table with `count` rows. */
export const tableRows = (
  table: StoredTensor,
  count: number,
  keptBytes: number = KEPT_BYTES,
): TableRows => {
  const width = table.count / count;
  const source = converted(table, "f32");
  const most = Math.floor(keptBytes / (4 * width));
  /** Least lately used first. */
  const kept = new Map<number, Float32Array>();
  const read = async (token: number): Promise<Float32Array> => {
    if (token >= count) throw new RunError(`a token is ${token}, where the model knows ${count}`);
    const row = kept.get(token) ?? new Float32Array(width);
    if (!kept.delete(token)) await source.read(token * width, bytesOf(row));
    kept.set(token, row);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return row;
  };
  return {
    of: async (tokens) => {
      const rows = new Float32Array(tokens.length * width);
      const own = new Map<number, number>();
      for (const [at, token] of tokens.entries()) {
        const before = own.get(token);
        if (before === undefined) rows.set(await read(token), at * width);
        else rows.copyWithin(at * width, before * width, (before + 1) * width);
        own.set(token, at);
      }
      return rows;
    },
  };
};
