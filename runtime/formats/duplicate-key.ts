/** JSON.parse keeps the last of two equal keys; in a file header two readers would then see two files. */

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const COLON = /[ \t\r\n]*:/y;

/** The first key that an object of this (valid) JSON text has twice, or null. */
export const duplicateKey = (text: string): string | null => {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; ) {
    const letter = text[at];
    if (letter !== '"') {
      if (letter === "{") open.push(new Set());
      if (letter === "}") open.pop();
      at++;
      continue;
    }
    STRING.lastIndex = at;
    const string = STRING.exec(text)?.[0] ?? '"';
    at += string.length;
    COLON.lastIndex = at;
    if (!COLON.test(text)) continue;
    // Escapes are undone: "a" and "\u0061" are one key.
    const key = String(JSON.parse(string));
    const keys = open.at(-1);
    if (keys?.has(key)) return key;
    keys?.add(key);
  }
  return null;
};
