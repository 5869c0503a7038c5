/**
 * Syntax trees as data: files that were parsed once, when the product was built. Which declarations a file has is known
 * at once; what they say is read when it is first asked for, one by one, as a spec needs few declarations of a library.
 *
 * The form is JSON in lines: the first is what all files are known by; then, file by file, one of its comments and one
 * of what each declaration says.
 */
import type {
  ArchitectureDecl,
  Declaration,
  DefinitionDecl,
  PretokenizerDecl,
  SourceFile,
} from "./ast.js";

/** What a declaration says. */
type Content =
  | Pick<ArchitectureDecl, "items">
  | Pick<DefinitionDecl, "parameters" | "body">
  | Pick<PretokenizerDecl, "steps">;

/** A declaration without that. */
type Head =
  | Omit<ArchitectureDecl, "items">
  | Omit<DefinitionDecl, "parameters" | "body">
  | Omit<PretokenizerDecl, "steps">
  | Exclude<Declaration, ArchitectureDecl | DefinitionDecl | PretokenizerDecl>;

interface Outline extends Omit<SourceFile, "declarations" | "comments"> {
  readonly declarations: readonly Head[];
}

/** The content is null where the head says all. */
const partsOf = (decl: Declaration): { readonly head: Head; readonly content: Content | null } => {
  switch (decl.kind) {
    case "architecture": {
      const { items, ...head } = decl;
      return { head, content: { items } };
    }
    case "definition": {
      const { parameters, body, ...head } = decl;
      return { head, content: { parameters, body } };
    }
    case "pretokenizer": {
      const { steps, ...head } = decl;
      return { head, content: { steps } };
    }
    default:
      return { head: decl, content: null };
  }
};

/** Of a value that is a line's, what asks for it once, when it is needed. */
const once = <T>(line: () => string): (() => T) => {
  let value: T | null = null;
  return () => {
    value ??= JSON.parse(line()) as T;
    return value;
  };
};

/** The declaration of a head, whole when it is looked into; `next` is called where it has a line. */
const declarationOf = (head: Head, next: () => () => string): Declaration => {
  switch (head.kind) {
    case "architecture": {
      const content = once<Pick<ArchitectureDecl, "items">>(next());
      return {
        ...head,
        get items() {
          return content().items;
        },
      };
    }
    case "definition": {
      const content = once<Pick<DefinitionDecl, "parameters" | "body">>(next());
      return {
        ...head,
        get parameters() {
          return content().parameters;
        },
        get body() {
          return content().body;
        },
      };
    }
    case "pretokenizer": {
      const content = once<Pick<PretokenizerDecl, "steps">>(next());
      return {
        ...head,
        get steps() {
          return content().steps;
        },
      };
    }
    default:
      return head;
  }
};

/** On one line, of ASCII alone: that is read fastest. */
const lineOf = (value: Outline[] | SourceFile["comments"] | Content): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Files as `readTrees` takes them, each line without its end. */
export const writeTrees = (files: readonly SourceFile[]): readonly string[] => {
  const outlines: Outline[] = [];
  const lines: string[] = [];
  for (const { comments, declarations, ...file } of files) {
    const parts = declarations.map(partsOf);
    outlines.push({ ...file, declarations: parts.map(({ head }) => head) });
    lines.push(lineOf(comments));
    for (const { content } of parts) if (content !== null) lines.push(lineOf(content));
  }
  return [lineOf(outlines), ...lines];
};

/** The files that `writeTrees` wrote, equal to what they were parsed to; a line is asked for when it is needed. */
export const readTrees = (line: (at: number) => string): readonly SourceFile[] => {
  let count = 1;
  const next = (): (() => string) => {
    const at = count++;
    return () => line(at);
  };
  return (JSON.parse(line(0)) as Outline[]).map(({ declarations: heads, ...file }) => {
    const comments = once<SourceFile["comments"]>(next());
    return {
      ...file,
      declarations: heads.map((head) => declarationOf(head, next)),
      get comments() {
        return comments();
      },
    };
  });
};
