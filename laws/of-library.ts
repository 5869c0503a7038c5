/** What of a file of definitions laws are tried on: its architectures, and its criteria and losses on these or on others. */
import { tryAlone } from "../compiler/alone/architecture.js";
import {
  axesFor,
  bracketsFor,
  callOf,
  type Stand,
  standOf,
} from "../compiler/alone/definitions.js";
import { scoreOf } from "../compiler/library/criterion.js";
import type { CriterionUse, Library, Located, ModelShape } from "../compiler/library/library.js";
import { elaborateLoss, visible } from "../compiler/library/loss.js";
import type { ArchitectureDecl, DefinitionDecl, SourceFile } from "../grammar/ast.js";
import type { Criteria, LossUse } from "./law.js";
import type { SmallSubject } from "./of-recipe.js";
import { shrunk } from "./shrunk.js";

type Definition = Located<DefinitionDecl>;

/** The architecture on made-up sizes; the class is what a config.json would name it by. */
const shapeOf = (library: Library, architecture: Located<ArchitectureDecl>): ModelShape | null => {
  const { shape } = tryAlone(library, architecture);
  const [name] = architecture.decl.classes;
  if (shape === null || name === undefined) return null;
  return { ...shape, config: { ...shape.config, architectures: [name.value] } };
};

/** The criterion on the axes of a model that it may be meant for, as far as it fits them. */
const criteriaOn = (stand: Stand, definition: Definition): Criteria => {
  const use: CriterionUse = {
    definition,
    args: new Map(),
    tap: null,
    text: definition.decl.name.name,
  };
  const { shape, symbols, student } = stand;
  const { tokens, labels, builder } = symbols;
  const subject = { forward: student, tokens, labels, seed: 0, model: "model" };
  const fitting = axesFor(stand, definition).filter(
    (axis) => scoreOf(use, shape.library, builder, shape, { ...subject, axis }).ok,
  );
  return new Map(fitting.map((axis) => [axis, use]));
};

/** The loss as a recipe might write it, or null where no model of the kind has what it looks at. */
const lossOn = (stand: Stand, definition: Definition): LossUse | null => {
  const { symbols, student, teacher, shape } = stand;
  const scope = { student: visible(student), teacher: visible(teacher), labels: symbols.labels };
  for (const axes of bracketsFor(stand, definition)) {
    const expr = callOf(stand, definition, axes);
    if (expr !== null && elaborateLoss(expr, shape.library, symbols.builder, scope).ok)
      return { expr, layers: null };
  }
  return null;
};

type Used = Pick<SmallSubject, "criteria" | "losses">;

/** Criteria and losses among the definitions, as far as they fit the model. */
const usesOn = (stand: Stand, definitions: Iterable<Definition>) =>
  [...definitions].map((definition) => ({
    definition,
    criteria: definition.decl.keyword === "criterion" ? criteriaOn(stand, definition) : new Map(),
    loss: definition.decl.keyword === "loss" ? lossOn(stand, definition) : null,
  }));

const gathered = (uses: ReturnType<typeof usesOn>): Used => ({
  criteria: uses.map(({ criteria }) => criteria).filter(({ size }) => size > 0),
  losses: uses.flatMap(({ loss }) => (loss === null ? [] : [loss])),
});

/** What a file says of its own architecture; where that is no criterion or no loss, those of the library stand in. */
const completed = (used: Used, stand: Stand): Used => {
  const { criterion, loss } = stand.shape.library.definitions;
  const others = (missing: boolean, all: typeof loss): Used =>
    gathered(usesOn(stand, missing ? all.values() : []));
  return {
    criteria: [...used.criteria, ...others(used.criteria.length === 0, criterion).criteria],
    losses: [...used.losses, ...others(used.losses.length === 0, loss).losses],
  };
};

/** The architectures of the file, and those of the library for what fits none of them. */
export const subjectsIn = (library: Library, file: SourceFile): readonly SmallSubject[] => {
  let left: readonly Definition[] = file.declarations.flatMap((decl) =>
    decl.kind === "definition" ? [{ file, decl }] : [],
  );
  const all = [...library.architectures.values()];
  const own = all.filter((architecture) => architecture.file === file);
  const subjects: SmallSubject[] = [];
  for (const architecture of [...own, ...all.filter((other) => !own.includes(other))]) {
    const isOwn = own.includes(architecture);
    if (!isOwn && left.every(({ decl }) => !["criterion", "loss"].includes(decl.keyword))) break;
    const shape = shapeOf(library, architecture);
    const stand = shape === null ? null : standOf(shape);
    if (shape === null || stand === null) continue;
    const used = usesOn(stand, left).filter(
      ({ criteria, loss }) => criteria.size > 0 || loss !== null,
    );
    if (!isOwn && used.length === 0) continue;
    left = left.filter((definition) => used.every((one) => one.definition !== definition));
    const uses = gathered(used);
    subjects.push({
      name: architecture.decl.name.name,
      ...shrunk(shape),
      ...(isOwn ? completed(uses, stand) : uses),
    });
  }
  return subjects;
};
