/** Gathers the definitions of library files by kind and name. */
import type {
  ArchitectureDecl,
  DefinitionDecl,
  PretokenizerDecl,
  SourceFile,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Library, Located } from "./library.js";
import { diagnose } from "./report.js";
import { ignoredIn } from "./unread.js";

/** A file that defines nothing but functions shares those that are not marked as private; in any other file they are private to it. */
const sharesFunctions = (file: SourceFile): boolean =>
  file.declarations.every(
    (decl) =>
      decl.kind === "edition" || (decl.kind === "definition" && decl.keyword === "function"),
  );

type Definitions = Record<DefinitionDecl["keyword"], Map<string, Located<DefinitionDecl>>>;

export const loadLibrary = (
  files: readonly SourceFile[],
): { readonly library: Library; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = [];
  const architectures = new Map<string, Located<ArchitectureDecl>>();
  const pretokenizers = new Map<string, Located<PretokenizerDecl>>();
  const privates = new Map<string, Map<string, Located<DefinitionDecl>>>();
  const definitions: Definitions = {
    function: new Map(),
    loss: new Map(),
    schedule: new Map(),
    metric: new Map(),
    criterion: new Map(),
    fold: new Map(),
  };
  const add = <D extends ArchitectureDecl | DefinitionDecl | PretokenizerDecl>(
    into: Map<string, Located<D>>,
    file: SourceFile,
    decl: D,
    what: string,
  ): void => {
    const { name, span } = decl.name;
    const before = into.get(name);
    if (before === undefined) {
      into.set(name, { file, decl });
      return;
    }
    const place = { path: before.file.path, text: before.file.text, span: before.decl.name.span };
    diagnostics.push(
      diagnose("duplicate-definition", file, span, { what, name }, [
        { ...place, message: "defined here" },
      ]),
    );
  };
  for (const file of files) {
    const own = new Map<string, Located<DefinitionDecl>>();
    const functions = sharesFunctions(file) ? definitions.function : own;
    for (const decl of file.declarations) {
      if (decl.kind === "architecture") add(architectures, file, decl, "architecture");
      else if (decl.kind === "pretokenizer") add(pretokenizers, file, decl, "pre-tokenizer");
      else if (decl.kind === "definition")
        add(
          decl.isPrivate
            ? own
            : decl.keyword === "function"
              ? functions
              : definitions[decl.keyword],
          file,
          decl,
          decl.keyword,
        );
    }
    if (own.size > 0) privates.set(file.path, own);
  }
  const ignoredKeys = new Set(files.flatMap((file) => ignoredIn(file.declarations)));
  const library = { architectures, definitions, pretokenizers, ignoredKeys, privates };
  return { library, diagnostics };
};
