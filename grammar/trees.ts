/**
 * Syntax trees as data: files that were parsed once, when the product was built. Which declarations a file has is known
 * at once; what they say is read when it is first asked for, one by one, as a spec needs few declarations of a library.
 *
 * The form is JSON in lines: the first is what all files are known by; then, file by file, one of its comments and one
 * of what each declaration says.
 */
import type { Declaration, SourceFile } from "./ast.js";

/** What stands in a line of its own: of a file, and of the declarations that say more than they are known by. */
const OF_FILE: readonly string[] = ["comments"] satisfies (keyof SourceFile)[];
const OF_DECLARATION: Readonly<Partial<Record<Declaration["kind"], readonly string[]>>> = {
  architecture: ["items"],
  definition: ["parameters", "body"],
  pretokenizer: ["steps"],
};

const only = (object: object, takes: (field: string) => boolean): object =>
  Object.fromEntries(Object.entries(object).filter(([field]) => takes(field)));

/** On one line, of ASCII alone: that is read fastest. */
const lineOf = (value: object): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Files as `readTrees` takes them, each line without its end. */
export const writeTrees = (files: readonly SourceFile[]): readonly string[] => {
  const lines: string[] = [];
  /** The object without the fields, which become a line. */
  const parted = (object: object, fields: readonly string[]): object => {
    lines.push(lineOf(only(object, (field) => fields.includes(field))));
    return only(object, (field) => !fields.includes(field));
  };
  const known = files.map((file) => {
    const bare = parted(file, OF_FILE);
    const declarations = file.declarations.map((decl) => {
      const fields = OF_DECLARATION[decl.kind];
      return fields === undefined ? decl : parted(decl, fields);
    });
    return { ...bare, declarations };
  });
  return [lineOf(known), ...lines];
};

/** Gives an object the fields of a line, which is read when one of them is first asked for. */
const complete = (object: object, fields: readonly string[], line: () => string): void => {
  let read: Readonly<Record<string, unknown>> | null = null;
  const get = (field: string) => () => {
    read ??= JSON.parse(line()) as Readonly<Record<string, unknown>>;
    return read[field];
  };
  for (const field of fields)
    Object.defineProperty(object, field, { enumerable: true, get: get(field) });
};

/** The files that `writeTrees` wrote, equal to what they were parsed to; a line is asked for when it is needed. */
export const readTrees = (line: (at: number) => string): readonly SourceFile[] => {
  // Nobody else knows them yet, so they are completed in place: copies of all would take longer than all else here.
  const files = JSON.parse(line(0)) as readonly SourceFile[];
  let count = 1;
  const completeNext = (object: object, fields: readonly string[]): void => {
    const at = count++;
    complete(object, fields, () => line(at));
  };
  for (const file of files) {
    completeNext(file, OF_FILE);
    for (const decl of file.declarations) {
      const fields = OF_DECLARATION[decl.kind];
      if (fields !== undefined) completeNext(decl, fields);
    }
  }
  return files;
};
