/** An architecture tried on small made-up sizes: what is wrong with it whatever model it reads. */
import type { ArchitectureDecl } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { hasAxis } from "../ir/axes.js";
import { Builder } from "../ir/build.js";
import { tryArchitecture } from "../library/architecture.js";
import { forward } from "../library/forward.js";
import { ggufTensors } from "../library/gguf.js";
import type { Library, Located, ModelShape } from "../library/library.js";
import { diagnose, outcome } from "../library/report.js";
import { rescaled } from "../library/rescale.js";
import { configAt } from "../library/resize.js";
import { madeUpConfig } from "./made-up.js";
import { wrongCalls, wrongInConfig } from "./names.js";

export interface Tried {
  /** Null where it has mistakes, or where no small sizes fit its axes. */
  readonly shape: ModelShape | null;
  readonly found: readonly Diagnostic[];
}

/** The shape with no size as it is, where `config` lines are worked out. */
const cutShape = ({ axes }: ModelShape): ReadonlyMap<string, number> =>
  new Map(axes.map(({ name, size }) => [name, 2 * size]));

/** What its `gguf` block, which may leave out weights that few models have, its `cut` and its `config` lines have wrong. */
const besides = (shape: ModelShape, everyWeight: boolean): readonly Diagnostic[] => {
  const { decl, file } = shape.architecture;
  const place = { path: file.path, span: decl.name.span };
  const isPacked = !everyWeight && decl.items.some(({ kind }) => kind === "gguf");
  const packed = isPacked ? [ggufTensors(shape, place)] : [];
  const said = outcome(() => configAt(shape, cutShape(shape)));
  return [...packed, rescaled(shape, shape), said].flatMap((made) =>
    made.ok ? [] : made.diagnostics,
  );
};

/** Losses and metrics look at logits, of every window, position and token of the vocabulary. */
const wrongLogits = (shape: ModelShape): readonly Diagnostic[] => {
  const { decl, file } = shape.architecture;
  const builder = new Builder();
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: 2 },
  ];
  const tokens = builder.input("tokens", axes, "u32");
  const pass = forward(shape, builder, { model: "model", tokens });
  if (!pass.ok) return [];
  const { span } = decl.items.find(({ kind }) => kind === "forward") ?? decl.name;
  const logits = pass.value.values.get("logits");
  const place = { start: span.start, end: span.start + "forward".length };
  if (logits === undefined)
    return [
      diagnose("wrong-arguments", file, place, {
        reason:
          "this forward pass assigns no `logits` outside `each`, which losses and metrics look at",
      }),
    ];
  const missing = axes.find(({ name }) => !hasAxis(logits.axes, name));
  if (missing === undefined) return [];
  const has = `\`logits\` are over [${logits.axes.map(({ name }) => name).join(", ")}]`;
  return [diagnose("axis-missing", file, place, { axis: missing.name, has })];
};

/** Tries it as it is read by default, and with every weight there. */
export const tryAlone = (library: Library, architecture: Located<ArchitectureDecl>): Tried => {
  const calls = [...wrongCalls(library, architecture), ...wrongInConfig(library, architecture)];
  const config = madeUpConfig(library, architecture);
  if (config === null) return { shape: null, found: calls };
  const found = [...calls];
  const [shape] = [false, true].map((everyWeight) => {
    const read = tryArchitecture(library, architecture, config, { everyWeight, found });
    found.push(...(read.ok ? besides(read.value, everyWeight) : read.diagnostics));
    return read.ok ? read.value : null;
  });
  if (shape === undefined || shape === null || found.length > 0) return { shape: null, found };
  const logits = wrongLogits(shape);
  return { shape: logits.length > 0 ? null : shape, found: logits };
};
