/** The documents of a file: the whole of a text file, or a field of each line of a JSONL file. */
import { z } from "zod";
import { fileError, RunError } from "../errors.js";
import { decodeText } from "../formats/json-file.js";
import { openRegular } from "../formats/regular-file.js";

/** A JavaScript string holds some 500 million characters; tokenizing wants a few times that. */
const DOCUMENT_BYTES = 128 * 2 ** 20;
const CHUNK = 1 << 20;
const NEWLINE = 0x0a;

/** File: where to read it. Shown: how errors name it. */
export interface DataFile {
  readonly file: string;
  readonly shown: string;
}

const tooLong = (where: string): RunError =>
  new RunError(`${where}: a document of more than ${DOCUMENT_BYTES / 2 ** 20} MiB`, {
    hint: "split it into several documents",
  });

/** A text file, as one document. */
export async function* textDocuments({ file, shown }: DataFile): AsyncGenerator<string> {
  const { handle, bytes } = await openRegular(file, shown);
  try {
    if (bytes > DOCUMENT_BYTES) throw tooLong(shown);
    yield decodeText(await handle.readFile(), shown);
  } catch (error) {
    throw fileError("read", shown, error);
  } finally {
    await handle.close();
  }
}

/** The lines of a file as bytes, without their newline; the last may be empty. */
async function* linesOf({ file, shown }: DataFile): AsyncGenerator<Uint8Array> {
  const { handle } = await openRegular(file, shown);
  try {
    let rest: Uint8Array[] = [];
    let held = 0;
    for await (const chunk of handle.createReadStream({ highWaterMark: CHUNK, autoClose: false })) {
      let bytes: Uint8Array = chunk as Buffer;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE)) {
        yield Buffer.concat([...rest, bytes.subarray(0, end)]);
        bytes = bytes.subarray(end + 1);
        [rest, held] = [[], 0];
      }
      rest.push(bytes);
      held += bytes.length;
      if (held > DOCUMENT_BYTES) throw tooLong(shown);
    }
    yield Buffer.concat(rest);
  } catch (error) {
    throw fileError("read", shown, error);
  } finally {
    await handle.close();
  }
}

const objectSchema = z.record(z.string(), z.unknown());

/** An object of a JSONL file, and where it stands. */
export interface JsonLine {
  readonly where: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const objectOf = (line: string, where: string): JsonLine => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new RunError(`${where}: not valid JSON`, { cause });
  }
  const parsed = objectSchema.safeParse(value);
  if (!parsed.success) throw new RunError(`${where}: not an object`);
  return { where, value: parsed.data };
};

/** The objects of a JSONL file, one to a line; blank lines are passed over. */
export async function* jsonLines(source: DataFile): AsyncGenerator<JsonLine> {
  let number = 0;
  for await (const bytes of linesOf(source)) {
    number++;
    const where = `${source.shown}:${number}`;
    const line = decodeText(bytes, where);
    if (line.trim() !== "") yield objectOf(line, where);
  }
}

/** A JSONL file: each line an object of which a field is a document. */
export async function* jsonlDocuments(source: DataFile, field: string): AsyncGenerator<string> {
  for await (const { where, value } of jsonLines(source)) {
    const text = Object.hasOwn(value, field) ? value[field] : undefined;
    if (typeof text !== "string") throw new RunError(`${where}: not an object with a "${field}"`);
    yield text;
  }
}
