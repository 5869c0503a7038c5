/** A page of docs/errors taken apart: title, what it is, a wrong example, what Espalier says, how to mend it (shown too, or not). */
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { render } from "../../grammar/render.js";

export interface ErrorPage {
  readonly code: string;
  readonly about: string;
  readonly example: string;
  /** The rendering of the example's diagnostic; null where the page leaves it out. */
  readonly says: string | null;
  readonly remedy: string;
}

const SHAPE =
  /^# ([a-z]+(?:-[a-z]+)*)\n\n([A-Z`](?:(?!```)[\s\S])*?)\n\n```prune\n([^`]+\n)```\n(?:\n```text\n((?:(?!```)[\s\S])+\n)```\n)?\n((?!```)[A-Z`](?:(?!```)[\s\S])*)\n(?:\n```prune\n[^`]+\n```\n)?$/;

/** Null where the text has another shape. */
export const readErrorPage = (text: string): ErrorPage | null => {
  const [, code, about, example, says, remedy] = SHAPE.exec(text) ?? [];
  if (code === undefined || about === undefined || example === undefined || remedy === undefined)
    return null;
  return { code, about, example, says: says ?? null, remedy };
};

/** Lines of the library's files move when it is worked on, so pages do not number them. */
const withoutLibraryLines = (said: string): string =>
  said.replaceAll(
    /(─ stdlib\/[\w/.-]+):\d+:\d+\n( *\d+)/g,
    (_all, file: string, number: string) => `${file}\n${" ".repeat(number.length)}`,
  );

/** What Espalier says, as if the example stood alone in `path`: `before` characters stand above it. */
export const sayOf = (
  diagnostics: readonly Diagnostic[],
  path: string,
  example: string,
  sources: ReadonlyMap<string, string> = new Map(),
  before = 0,
): string => {
  const moved = diagnostics.map((diagnostic): Diagnostic => {
    if (diagnostic.path !== path) return diagnostic;
    const shift = ({ start, end }: { start: number; end: number }) => ({
      start: start - before,
      end: end - before,
    });
    const labels = (diagnostic.labels ?? []).map((label) =>
      label.path === path ? { ...label, text: example, span: shift(label.span) } : label,
    );
    return { ...diagnostic, span: shift(diagnostic.span), labels };
  });
  return withoutLibraryLines(render(moved, new Map([...sources, [path, example]])));
};
