/** Regular files of a tar archive in memory (POSIX ustar: 512-byte headers, octal sizes). */
const BLOCK = 512;

export interface TarEntry {
  /** As in the archive; callers choose by name and never join it to a path. */
  readonly name: string;
  readonly data: Uint8Array;
}

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** Reads all entries; throws where a header's size passes the end of the archive. */
export const tarEntries = (archive: Uint8Array): readonly TarEntry[] => {
  const entries: TarEntry[] = [];
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(header.subarray(124, 136)).trim() || "0", 8);
    const start = at + BLOCK;
    if (!Number.isInteger(size) || size < 0 || start + size > archive.length)
      throw new Error("the archive is broken");
    const type = header[156];
    if (type === 0 || type === 0x30)
      entries.push({
        name: text(header.subarray(0, 100)),
        data: archive.subarray(start, start + size),
      });
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
};
