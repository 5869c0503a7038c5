/** What is said of the name under the pointer: how it is declared, and what is written of it. */
import { type Hover, MarkupKind } from "vscode-languageserver/node";
import type { Host } from "../../../compiler/host.js";
import { SETTINGS } from "../../../compiler/recipe/settings.js";
import type { SourceFile } from "../../../grammar/ast.js";
import { type Declared, declaredFor, headOf } from "./declared.js";
import { nameAt, stageAt } from "./names.js";
import { rangeIn } from "./problems.js";

/** The declarations that the name at an offset may mean: all of the most exact of its names that has any. */
export const meantAt = (file: SourceFile, offset: number, host: Host): readonly Declared[] => {
  const at = nameAt(file, offset);
  if (at === null) return [];
  const declared = declaredFor(file, host);
  for (const name of at.names) {
    const found = declared.filter((one) => one.name === name);
    if (found.length > 0) return found;
  }
  return [];
};

const code = (text: string): string => `\`\`\`prune\n${text}\n\`\`\``;

const described = (declared: Declared): string =>
  [
    ...(declared.doc === null ? [] : [declared.doc]),
    code(headOf(declared)),
    `${declared.keyword} in ${declared.file.path}`,
  ].join("\n\n");

/** A line of a stage that sets something: an example of it. */
const settingAt = (file: SourceFile, offset: number): string | null => {
  const stage = stageAt(file, offset);
  const head = stage?.body
    ?.flatMap(({ heads }) => heads)
    .find(({ span }) => span.start <= offset && offset <= span.end);
  if (stage === null || head === undefined) return null;
  const setting = SETTINGS[stage.keyword][head.name];
  if (setting === undefined) return null;
  const presence = setting.optional ? "may be left out" : "must be given";
  return `${code(setting.example)}\n\n${stage.keyword}'s \`${head.name}\`: ${presence}`;
};

export const hoverAt = (file: SourceFile, offset: number, host: Host): Hover | null => {
  const at = nameAt(file, offset);
  if (at === null) return null;
  const setting = settingAt(file, offset);
  const texts = setting === null ? meantAt(file, offset, host).map(described) : [setting];
  if (texts.length === 0) return null;
  const value = texts.join("\n\n---\n\n");
  return { contents: { kind: MarkupKind.Markdown, value }, range: rangeIn(file.text, at.span) };
};
