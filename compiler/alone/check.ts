/** A file of definitions by itself: everything that is wrong with them whatever recipe uses them. */
import type { SourceFile } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Library, Located } from "../library/library.js";
import { tryPretokenizer } from "../library/pretokenizer.js";
import { tryAlone } from "./architecture.js";
import { type Stand, standOf, wrongIn } from "./definitions.js";
import { wrongNames } from "./names.js";

/** Models to try definitions on: of the file's own architectures first, then of all others, made when they are wanted. */
const standsOf = (library: Library, own: readonly Stand[], file: SourceFile): readonly Stand[] => [
  ...own,
  ...[...library.architectures.values()]
    .filter((architecture) => architecture.file !== file)
    .flatMap((architecture) => {
      const { shape } = tryAlone(library, architecture);
      return (shape === null ? null : standOf(shape)) ?? [];
    }),
];

export const checkAlone = (library: Library, file: SourceFile): readonly Diagnostic[] => {
  const own: Stand[] = [];
  const ofArchitectures = file.declarations.flatMap((decl) => {
    if (decl.kind !== "architecture") return [];
    const { shape, found } = tryAlone(library, { file, decl });
    const stand = shape === null ? null : standOf(shape);
    if (stand !== null) own.push(stand);
    return found;
  });
  const definitions = file.declarations.flatMap((decl) =>
    decl.kind === "definition" ? [{ file, decl } satisfies Located<typeof decl>] : [],
  );
  const stands = definitions.length === 0 ? [] : standsOf(library, own, file);
  const ofDefinitions = definitions.flatMap((definition) => [
    ...wrongNames(library, definition),
    ...wrongIn(library, definition, stands),
  ]);
  const ofTokenizers = file.declarations.flatMap((decl) => {
    const made = decl.kind === "pretokenizer" ? tryPretokenizer({ file, decl }) : null;
    return made === null || made.ok ? [] : made.diagnostics;
  });
  return [...ofArchitectures, ...ofDefinitions, ...ofTokenizers];
};
