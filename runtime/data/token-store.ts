/** Tokens on disk, so that memory does not grow with a corpus: written once in order, then read by ranges. */

import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fileError } from "../errors.js";

export interface TokenStore {
  /** Tokens so far. */
  readonly length: () => number;
  readonly append: (tokens: Uint32Array) => void;
  /** `count` tokens from `start` on. */
  readonly read: (start: number, count: number) => Uint32Array;
  readonly close: () => void;
}

/** Tokens held before they are written. */
const HELD = 1 << 18;
const BYTES = 4;

const bytesOf = (tokens: Uint32Array): Uint8Array =>
  new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);

/** A file that is gone when it is closed, or when the process ends. */
const openNameless = (path: string): { readonly file: number; readonly remove: () => void } => {
  const file = openSync(path, "wx+");
  const remove = (): void => {
    try {
      unlinkSync(path);
    } catch {
      // Gone already, or still held: where open files cannot be removed, they are when they are closed.
    }
  };
  remove();
  return { file, remove };
};

export const openTokenStore = async (): Promise<TokenStore> => {
  const path = join(await cacheFolder(), `tokens-${process.pid}-${randomUUID()}`);
  const { file, remove } = openNameless(path);
  const held = new Uint32Array(HELD);
  let written = 0;
  let count = 0;
  const writeAll = (bytes: Uint8Array): void => {
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(file, bytes, done, bytes.length - done, written * BYTES + done);
    } catch (error) {
      throw fileError("write", path, error);
    }
    written += bytes.length / BYTES;
  };
  const flush = (): void => {
    writeAll(bytesOf(held.subarray(0, count)));
    count = 0;
  };
  return {
    length: () => written + count,
    append: (tokens) => {
      if (count + tokens.length > HELD) flush();
      if (tokens.length > HELD) writeAll(bytesOf(tokens));
      else {
        held.set(tokens, count);
        count += tokens.length;
      }
    },
    read: (start, wanted) => {
      if (count > 0) flush();
      const tokens = new Uint32Array(wanted);
      const bytes = bytesOf(tokens);
      for (let done = 0; done < bytes.length; ) {
        const read = readSync(file, bytes, done, bytes.length - done, start * BYTES + done);
        if (read === 0) throw new RangeError(`token ${start + wanted} of ${written}`);
        done += read;
      }
      return tokens;
    },
    close: () => {
      closeSync(file);
      remove();
    },
  };
};
