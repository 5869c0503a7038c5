/** An architecture in small random sizes, with everything else of a config.json as it is. */
import fc from "fast-check";
import { Builder } from "../compiler/ir/build.js";
import { readArchitecture } from "../compiler/library/architecture.js";
import { forward, tokenAxis } from "../compiler/library/forward.js";
import type { ModelShape } from "../compiler/library/library.js";
import { outcome } from "../compiler/library/report.js";
import { configAt } from "../compiler/library/resize.js";
import { cuttable, pairStep } from "./cuts.js";
import type { Subject } from "./law.js";
import { PLACE, sizeIn } from "./model.js";

/** Odd primes among them; smaller ones are simpler models. */
const SIZES = [1, 2, 3, 4, 5];
/** A vocabulary of one token tells nothing. */
const WORDS = [2, 3, 5, 7];
const MOST_LAYERS = 3;
/** Of axes that nothing is cut of: room for the longest windows that are drawn. */
const UNCUT = 8;
const LONGEST = 4;
/** So many that a case takes milliseconds. */
const MOST_PARAMETERS = 50_000;

/** How sizes are drawn: others may be whole heads of an axis in pairs (`multiples`), or that may keep its own. */
type Drawn = "small" | "multiples" | "own";

const stepsOf = ({ paired }: ModelShape): readonly number[] =>
  [...paired.values()].flatMap(({ share }) => pairStep(share) ?? []);

/** What may be drawn for each axis, in the order of the architecture. */
const choicesOf = (shape: ModelShape, drawn: Drawn): readonly (readonly number[])[] => {
  const multiples = drawn === "multiples" ? stepsOf(shape).flatMap((n) => [n, 2 * n, 4 * n]) : [];
  return shape.axes.map(({ name, size }) => {
    if (name === shape.layerAxis) return SIZES.filter((n) => n <= Math.min(size, MOST_LAYERS));
    if (name === tokenAxis(shape)) return WORDS;
    const share = shape.paired.get(name)?.share;
    if (share !== undefined) {
      const step = pairStep(share);
      return drawn === "own" || step === null ? [size] : [step, 2 * step];
    }
    return shape.along.has(name) ? [...SIZES, ...multiples] : [Math.min(size, UNCUT)];
  });
};

/** Whether its forward pass takes windows as long as any that is drawn. */
const runs = (shape: ModelShape): boolean => {
  const builder = new Builder();
  const axes = [
    { name: "window", size: 1 },
    { name: "position", size: LONGEST },
  ];
  const tokens = builder.input("tokens", axes, "u32");
  return forward(shape, builder, { model: "model", tokens }).ok;
};

const readable = (shape: ModelShape, config: Readonly<Record<string, unknown>>) => {
  const read = readArchitecture(shape.library, config, PLACE);
  if (!read.ok) return null;
  const small = read.value.parameters <= MOST_PARAMETERS;
  const paired = [...read.value.paired].every(
    ([axis, { share }]) => Number((sizeIn(read.value, axis) * share).toPrecision(12)) % 2 === 0,
  );
  return small && paired && runs(read.value) ? read.value : null;
};

/** The shape at sizes near the wanted ones: with no other keys than its config.json has, where that can say them. */
const shapeAt = (shape: ModelShape, wanted: readonly number[]): ModelShape | null => {
  const sizes = new Map(shape.axes.map(({ name, size }, i) => [name, wanted[i] ?? size]));
  const config = outcome(() => configAt(shape, sizes));
  if (!config.ok) return null;
  const own = Object.entries(config.value).filter(([key]) => Object.hasOwn(shape.config, key));
  return readable(shape, Object.fromEntries(own)) ?? readable(shape, config.value);
};

type Sized = Pick<Subject<readonly number[]>, "sizes" | "shapeAt">;

/** How many draws are looked at, to know whether an architecture has any small sizes. */
const TRIES = 200;

export const shrunk = (shape: ModelShape): Sized => {
  const sized = (drawn: Drawn): Sized => ({
    sizes: fc.tuple(...choicesOf(shape, drawn).map((choices) => fc.constantFrom(...choices))),
    shapeAt: (sizes) => shapeAt(shape, sizes),
  });
  const works = ({ sizes }: Sized): boolean =>
    fc.sample(sizes, { numRuns: TRIES, seed: 0 }).some((drawn) => {
      const found = shapeAt(shape, drawn);
      return found !== null && (cuttable(found).length > 0 || cuttable(shape).length === 0);
    });
  // What config.json lists for each unit in a pair holds at its own size only.
  return [sized("small"), sized("multiples")].find(works) ?? sized("own");
};
