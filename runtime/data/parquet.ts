/**
 * The rows of a Parquet file, a group of rows at a time, by hyparquet (small, without dependencies, and reads by ranges;
 * hyparquet-compressors adds what is packed otherwise than by snappy).
 */
import type { AsyncBuffer } from "hyparquet";
import { RunError } from "../errors.js";
import { readFully } from "../formats/read-fully.js";
import { openRegular } from "../formats/regular-file.js";
import type { DataFile } from "./documents.js";

/** A row by column. */
export type Row = Readonly<Record<string, unknown>>;

/** What a group's columns may take when they are unpacked; writers make groups of some 100 MB. */
const GROUP_BYTES = 2 ** 30;

/** Whatever is wrong within the file, in one line. */
const refused = (shown: string, error: unknown): RunError => {
  if (error instanceof RunError) return error;
  const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return new RunError(`${shown} is not a Parquet file that can be read: ${reason}`, {
    cause: error,
  });
};

/** Rows in order, with these columns only; a missing column is an error. */
export async function* parquetRows(
  { file, shown }: DataFile,
  columns: readonly string[] | null,
): AsyncGenerator<Row> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const { handle, bytes } = await openRegular(file, shown);
  const buffer: AsyncBuffer = {
    byteLength: bytes,
    slice: async (start, end = bytes) => {
      const [from, to] = [Math.max(0, start), Math.min(bytes, end)];
      const part = new Uint8Array(Math.max(0, to - from));
      await readFully(handle, shown, part, from);
      return part.buffer;
    },
  };
  try {
    const metadata = await parquetMetadataAsync(buffer);
    const known = new Set(metadata.schema.map(({ name }) => name));
    for (const column of columns ?? [])
      if (!known.has(column)) throw new RunError(`${shown} has no column "${column}"`);
    let first = 0;
    for (const group of metadata.row_groups) {
      const size = group.columns.reduce(
        (sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0),
        0,
      );
      if (size > GROUP_BYTES)
        throw new RunError(`${shown} has a group of rows of ${size} bytes`, {
          hint: "write it with smaller groups",
        });
      const end = first + Number(group.num_rows);
      yield* (await parquetReadObjects({
        file: buffer,
        metadata,
        compressors,
        rowStart: first,
        rowEnd: end,
        ...(columns === null ? {} : { columns: [...columns] }),
      })) as Row[];
      first = end;
    }
  } catch (error) {
    throw refused(shown, error);
  } finally {
    await handle.close();
  }
}

/** A Parquet file: a column of texts, each a document. */
export async function* parquetDocuments(source: DataFile, field: string): AsyncGenerator<string> {
  let row = 0;
  for await (const { [field]: text } of parquetRows(source, [field])) {
    row++;
    if (typeof text !== "string")
      throw new RunError(`${source.shown}: row ${row} has no text as its "${field}"`);
    yield text;
  }
}
