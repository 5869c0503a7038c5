/** What a run says when it fails: one line for people, perhaps a hint that can be done; the command line exits with 3. */

/** The system's code of an error ("ENOENT"), or null. */
export const systemCode = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;

export class RunError extends Error {
  override readonly name: string = "RunError";
  readonly hint: string | null;
  /** The system's code, where the cause has one: a caller may treat a missing file as nothing. */
  readonly code: string | null;

  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.hint = options.hint ?? null;
    this.code = systemCode(options.cause);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
};

/** Why the system refused, in words; null where it did not, or in a way that has no words here. */
export const systemReason = (error: unknown): string | null =>
  REASONS[systemCode(error) ?? ""] ?? null;

/** A failure of the file system, said in one line; a RunError stays as it is. */
export const fileError = (action: "read" | "write", path: string, cause: unknown): RunError => {
  if (cause instanceof RunError) return cause;
  const code = systemCode(cause);
  if (action === "read" && code === "ENOENT") return new RunError(`${path} is missing`, { cause });
  const reason = code === null ? String(cause) : (systemReason(cause) ?? code);
  return new RunError(`cannot ${action} ${path}: ${reason}`, { cause });
};
