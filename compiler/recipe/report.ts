/** Collects what the check has to say; every wording of the recipe's own diagnostics is in grammar/messages. */
import type { SourceFile } from "../../grammar/ast.js";
import type { Diagnostic, Fix, Label } from "../../grammar/diagnostic.js";
import { axisMessages } from "../../grammar/messages/axes.js";
import { nameMessages } from "../../grammar/messages/names.js";
import { recipeMessages } from "../../grammar/messages/recipe.js";
import { type Message, type Place, reporter } from "../../grammar/messages/registry.js";
import { unitMessages } from "../../grammar/messages/units.js";
import type { Span } from "../../grammar/span.js";

export const messages = { ...nameMessages, ...axisMessages, ...unitMessages, ...recipeMessages };

const say = reporter(messages);

type Registry = typeof messages;
export type Code = keyof Registry;
export type Parameters<C extends Code> = Registry[C] extends Message<infer P> ? P : never;

export interface Extra {
  readonly labels?: readonly Label[];
  readonly fix?: Fix;
}

/** The diagnostics of one check, in the order they were found. */
export interface Report {
  readonly diagnostics: readonly Diagnostic[];
  say<C extends Code>(
    code: C,
    file: SourceFile,
    span: Span,
    parameters: Parameters<C>,
    extra?: Extra,
  ): void;
  pass(diagnostics: readonly Diagnostic[]): void;
}

export const createReport = (): Report => {
  const diagnostics: Diagnostic[] = [];
  return {
    diagnostics,
    say: (code, file, span, parameters, extra = {}) => {
      const place: Place = { path: file.path, span, ...extra };
      diagnostics.push(say(code, place, parameters));
    },
    pass: (more) => {
      diagnostics.push(...more);
    },
  };
};

/** A second place that explains the first. */
export const label = (file: SourceFile, span: Span, message: string): Label => ({
  path: file.path,
  text: file.text,
  span,
  message,
});
