/**
 * Syntax trees as data: files that were parsed once, when the product was built. Which declarations a file has is known
 * at once; what they say is read when it is first asked for, file by file, as a spec needs few files of a library.
 *
 * The form is JSON in lines: the first is what all files are known by, then one of the whole tree of each.
 */
import type {
  ArchitectureDecl,
  Comment,
  Declaration,
  DefinitionDecl,
  PretokenizerDecl,
  SourceFile,
} from "./ast.js";

/** A declaration without what it says. */
type Head =
  | Omit<ArchitectureDecl, "items">
  | Omit<DefinitionDecl, "parameters" | "body">
  | Omit<PretokenizerDecl, "steps">
  | Exclude<Declaration, ArchitectureDecl | DefinitionDecl | PretokenizerDecl>;

interface Outline extends Omit<SourceFile, "declarations" | "comments"> {
  readonly declarations: readonly Head[];
}

interface Tree {
  readonly declarations: readonly Declaration[];
  readonly comments: readonly Comment[];
}

const headOf = (decl: Declaration): Head => {
  switch (decl.kind) {
    case "architecture": {
      const { items: _, ...head } = decl;
      return head;
    }
    case "definition": {
      const { parameters: _parameters, body: _body, ...head } = decl;
      return head;
    }
    case "pretokenizer": {
      const { steps: _, ...head } = decl;
      return head;
    }
    default:
      return decl;
  }
};

/** The declaration of a head, whole when it is looked into. */
const declarationOf = (head: Head, whole: () => Declaration | undefined): Declaration => {
  switch (head.kind) {
    case "architecture":
      return {
        ...head,
        get items() {
          return (whole() as ArchitectureDecl).items;
        },
      };
    case "definition":
      return {
        ...head,
        get parameters() {
          return (whole() as DefinitionDecl).parameters;
        },
        get body() {
          return (whole() as DefinitionDecl).body;
        },
      };
    case "pretokenizer":
      return {
        ...head,
        get steps() {
          return (whole() as PretokenizerDecl).steps;
        },
      };
    default:
      return head;
  }
};

/** On one line, of ASCII alone: that is read fastest. */
const lineOf = (value: Outline[] | Tree): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Files as `readTrees` takes them, each line without its end. */
export const writeTrees = (files: readonly SourceFile[]): readonly string[] => {
  const outlines = files.map(
    ({ comments: _, ...file }): Outline => ({
      ...file,
      declarations: file.declarations.map(headOf),
    }),
  );
  const trees = files.map(({ declarations, comments }) => lineOf({ declarations, comments }));
  return [lineOf(outlines), ...trees];
};

const fileOf = ({ declarations: heads, ...file }: Outline, line: () => string): SourceFile => {
  let tree: Tree | null = null;
  const read = (): Tree => {
    tree ??= JSON.parse(line()) as Tree;
    return tree;
  };
  return {
    ...file,
    declarations: heads.map((head, at) => declarationOf(head, () => read().declarations[at])),
    get comments() {
      return read().comments;
    },
  };
};

/** The files that `writeTrees` wrote, equal to what they were parsed to; a line is asked for when it is needed. */
export const readTrees = (line: (at: number) => string): readonly SourceFile[] =>
  (JSON.parse(line(0)) as Outline[]).map((outline, at) => fileOf(outline, () => line(at + 1)));
