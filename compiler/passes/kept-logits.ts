/**
 * A loss from what was kept of its teacher: of the logits of each token the largest with their places, and numbers of a
 * token that follow from the teacher alone. Found from the loss's graph: with the logits put together again from these,
 * lower than all of them elsewhere, every value is followed down to the loss, which must be the same to the bit.
 */
import { hasAxis, withoutAxes } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import { largestMask } from "../ir/largest.js";
import { isZero } from "../ir/scalar.js";
import type { Axis, MapNode, Node } from "../ir/tensor.js";
import { copyNodes, operandsOf, reachable } from "../ir/traverse.js";
import { objection } from "./decompose.js";

/** Names of the inputs that stand for a teacher. */
export const KEPT_VALUES = "kept values";
export const KEPT_PLACES = "kept places";
export const keptNumber = (at: number): string => `kept number ${at}`;

export interface Teaching {
  readonly logits: Node;
  /** The axes of tokens: windows first. */
  readonly tokens: readonly [window: Axis, position: Axis];
  /** Logits of each token that are kept; all of them where there are not more. */
  readonly count: number;
  /** Whose an input is; null for what goes with the data. */
  readonly ownerOf: (input: string) => "teacher" | "student" | null;
}

export interface KeptLoss {
  /** Without the teacher. */
  readonly loss: Node;
  /** [window, position]; what the inputs `keptNumber` are. */
  readonly numbers: readonly Node[];
}

/** Why a loss cannot be had from what is kept: it looks at so many of the largest logits, at the others too, or at states. */
export type NotKept =
  | { readonly lacks: "count"; readonly needed: number }
  | { readonly lacks: "others" }
  | { readonly lacks: "states" };

/**
 * What is known of a value where the logits are those put together again: that it is the same; the same, and 0 where nothing
 * was kept; the same where something was kept; or nothing.
 */
type Known = "same" | "inside" | "kept" | "lost";

const vocabularyOf = ({ logits, tokens }: Teaching): Axis | null => {
  const [axis, more] = withoutAxes(
    logits.axes,
    tokens.map(({ name }) => name),
  );
  return axis === undefined || more !== undefined ? null : axis;
};

/** The axis of what is kept of another. */
const keptAxis = ({ name, size }: Axis, count: number): Axis => ({
  name: `${name} kept`,
  size: Math.min(count, size),
});

const isLogits = (node: Node, logits: Node): boolean =>
  node === logits || (node.op === "permute" && isLogits(node.arg, logits));

/** Masks of the largest logits in a graph, how many each marks. */
const masksIn = (
  builder: Builder,
  nodes: readonly Node[],
  logits: Node,
  vocabulary: Axis,
): ReadonlyMap<Node, number> =>
  new Map(
    nodes.flatMap((node): [Node, number][] =>
      node.op === "kth" && node.axis === vocabulary.name && isLogits(node.arg, logits)
        ? [[largestMask(builder, node.arg, vocabulary, node.k), node.k]]
        : [],
    ),
  );

class Following {
  private readonly known = new Map<Node, Known>();
  private readonly students = new Set<Node>();
  /** What mixes windows: its value in a batch is not that of a window. */
  private readonly mixed = new Set<Node>();
  /** What could be kept besides. */
  readonly numbers = new Set<Node>();

  constructor(
    private readonly teaching: Teaching,
    private readonly vocabulary: Axis,
    private readonly masks: ReadonlyMap<Node, number>,
  ) {}

  of(node: Node): Known {
    return this.known.get(node) ?? "lost";
  }

  /** `node` after all that it reads. */
  follow(node: Node): void {
    const { tokens, ownerOf } = this.teaching;
    const [{ name: window, size }] = tokens;
    const operands = operandsOf(node);
    const owner = node.op === "input" ? ownerOf(node.name) : null;
    if (owner === "student" || operands.some((of) => this.students.has(of)))
      this.students.add(node);
    const leaves = !hasAxis(node.axes, window) && operands.some((of) => hasAxis(of.axes, window));
    if (
      leaves ||
      objection(node, window, size) !== null ||
      operands.some((of) => this.mixed.has(of))
    )
      this.mixed.add(node);
    const known = this.knownOf(node, operands, owner);
    if (known === "lost" && this.isNumber(node)) this.numbers.add(node);
    this.known.set(node, this.numbers.has(node) ? "same" : known);
  }

  /** Whether a value is one number of each token, and follows from the teacher alone. */
  private isNumber(node: Node): boolean {
    const { tokens } = this.teaching;
    return (
      !this.students.has(node) &&
      !this.mixed.has(node) &&
      node.axes.length === tokens.length &&
      tokens.every(({ name }) => hasAxis(node.axes, name))
    );
  }

  private knownOf(node: Node, operands: readonly Node[], owner: string | null): Known {
    const { logits, count } = this.teaching;
    const { name, size } = this.vocabulary;
    const marks = this.masks.get(node);
    if (marks !== undefined && marks <= count) return "inside";
    if (node === logits) return count >= size ? "same" : "kept";
    if (owner === "teacher") return "lost";
    if (node.op === "map") return this.knownOfMap(node);
    const all = operands.map((of) => this.of(of));
    if (node.op === "permute" || node.op === "stop") return all[0] ?? "lost";
    if (all.every((of) => of === "same" || of === "inside")) return "same";
    const isLargest =
      (node.op === "reduce" && node.fn === "max" && node.over.join() === name) ||
      (node.op === "kth" && node.axis === name && node.k <= count);
    return isLargest && operands.every((of) => isLogits(of, logits)) ? "same" : "lost";
  }

  private knownOfMap(node: MapNode): Known {
    const all = node.args.map((of) => this.of(of));
    if (all.includes("lost")) return "lost";
    if (node.fn === "mul" && all.includes("inside")) return "inside";
    const [condition, , otherwise] = all;
    if (node.fn === "select" && condition === "inside" && otherwise !== "kept")
      return node.args[2] !== undefined && isZero(node.args[2]) ? "inside" : "same";
    return all.includes("kept") ? "kept" : "same";
  }
}

/** All logits from what is kept: elsewhere each token's least kept one less 1. */
const logitsFromKept = (
  builder: Builder,
  { logits, tokens, count }: Teaching,
  vocabulary: Axis,
): Node => {
  const kept = keptAxis(vocabulary, count);
  const values = builder.input(KEPT_VALUES, [...tokens, kept]);
  const places = builder.input(KEPT_PLACES, [...tokens, kept], "u32");
  const least = builder.unary(
    "neg",
    builder.reduce("max", builder.unary("neg", values), [kept.name]),
  );
  const below = builder.binary("sub", least, builder.constant(1));
  const whole = builder.expand(values, places, below, kept.name, vocabulary);
  return builder.ordered(whole, logits.axes);
};

/** What is kept of a token: outputs by the names of the inputs that they will be. */
export const keptOutputs = (
  builder: Builder,
  teaching: Pick<Teaching, "logits" | "tokens" | "count">,
  numbers: readonly Node[],
): Readonly<Record<string, Node>> => {
  const { logits, tokens, count } = teaching;
  const vocabulary = vocabularyOf({ ...teaching, ownerOf: () => null });
  if (vocabulary === null) throw new Error("logits are over tokens and one more axis");
  const x = builder.ordered(logits, [...tokens, vocabulary]);
  const mask =
    count < vocabulary.size
      ? largestMask(builder, x, vocabulary, count)
      : builder.broadcast(builder.constant(1), x.axes);
  const kept = keptAxis(vocabulary, count);
  return {
    [KEPT_VALUES]: builder.compact(x, mask, vocabulary.name, kept),
    [KEPT_PLACES]: builder.compact(builder.index(vocabulary), mask, vocabulary.name, kept),
    ...Object.fromEntries(
      numbers.map((node, at) => [keptNumber(at), builder.ordered(node, tokens)]),
    ),
  };
};

/** Of the numbers that may be kept, those that a loss reads where other values are `given`, in order of id. */
const numbersRead = (
  loss: Node,
  given: Iterable<Node>,
  numbers: ReadonlySet<Node>,
): readonly Node[] => {
  const read = new Set<Node>();
  const seen = new Set<Node>(given);
  const pending = [loss];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (numbers.has(node)) read.add(node);
    else pending.push(...operandsOf(node));
  }
  return [...read].sort((a, b) => a.id - b.id);
};

/** The loss without its teacher, or why there is none. */
export const lossFromKept = (
  builder: Builder,
  loss: Node,
  teaching: Teaching,
): KeptLoss | NotKept => {
  const { logits, tokens, count, ownerOf } = teaching;
  const vocabulary = vocabularyOf(teaching);
  if (vocabulary === null) return { lacks: "others" };
  const nodes = reachable([loss]);
  const masks = masksIn(builder, nodes, logits, vocabulary);
  const following = new Following(teaching, vocabulary, masks);
  for (const node of nodes) following.follow(node);
  const whole = logitsFromKept(builder, teaching, vocabulary);
  const marked = [...masks].flatMap(([mask, marks]) => (marks <= count ? [mask] : []));
  const numbers = numbersRead(loss, [logits, ...marked], following.numbers);
  const given = new Map([
    [logits, whole],
    ...numbers.map((node, at) => [node, builder.input(keptNumber(at), tokens)] as const),
  ]);
  // In order, so that copying goes no deeper than from a node to what it reads.
  const copies = copyNodes(builder, nodes, (node) => {
    const known = given.get(node);
    return known === undefined ? null : builder.ordered(known, node.axes);
  });
  const copied = copies.get(loss) ?? loss;
  if (following.of(loss) !== "lost" && following.of(loss) !== "kept")
    return { loss: copied, numbers };
  const states = reachable([copied]).some(
    (node) => node.op === "input" && ownerOf(node.name) === "teacher",
  );
  if (states) return { lacks: "states" };
  const needed = Math.max(0, ...masks.values());
  return needed > count ? { lacks: "count", needed } : { lacks: "others" };
};
