/** Short texts that stand where Git LFS has not put the file itself (git-lfs, docs/spec.md, "The Pointer"). */
const BEGINNING = "version https://git-lfs.github.com/spec/";

/** Bytes that tell one. */
export const POINTER_BYTES = BEGINNING.length;

/** The hint for a file that begins so, as an option of RunError; empty where it is no pointer. */
export const pointerHint = (beginning: string): { readonly hint?: string } =>
  beginning.startsWith(BEGINNING)
    ? { hint: "it stands for a file of Git LFS: get that with `git lfs pull`" }
    : {};
