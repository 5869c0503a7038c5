/** Names of kernels by their text, so that equal kernels are one pipeline. */

/** 53-bit mixing hash of a text (cyrb53): short, stable, no dependency; identity only, not security. */
export const textHash = (text: string): string => {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36).padStart(11, "0");
};

const hashes = new Map<string, string>();

/** Texts of kernels come again with every dispatch of their family. */
const knownHash = (text: string): string => {
  const hash = hashes.get(text) ?? textHash(text);
  hashes.set(text, hash);
  return hash;
};

export const kernelId = (family: string, wgsl: string): string =>
  `${family.replace(/[^a-z0-9]+/gi, "-")}-${knownHash(wgsl)}`;
