/**
 * Random sources: recipes and libraries that parse without a word, in any layout. The shape is made first, as text with
 * marks where white space may stand; a seed then fills the marks with spaces, line ends and comments.
 */
import fc from "fast-check";
import { randomIndex } from "../../../laws/random.js";

// Marks of private use, so that no drawn text holds them.
/** White space or nothing. */
const GAP = "\ue001";
/** White space. */
const SPACE = "\ue002";
/** The same two within ( ) and [ ], where lines go on. */
const INNER_GAP = "\ue003";
const INNER_SPACE = "\ue004";
/** The end of a line. */
const END = "\ue005";
/** What stands after the `{` of a block and before its `}`: a line end, or a gap. */
const EDGE = "\ue006";

const COMMENTS = [
  "//",
  "// plain",
  "//tight",
  "/// doc",
  "///",
  '// "quoted" { [ ( ',
  "// é 剪 // twice\t",
  "//- no dash",
] as const;
const BLANKS = [" ", "  ", "\t", " \u00a0"] as const;
const NEWLINES = ["\n", "\n", "\n\n", "\r\n", "\n \n\n", "\r", "\n\n\n"] as const;

/** Choices by a seed; 0 always takes the first. */
const drawer = (seed: number) => {
  let at = 0;
  return <T>(from: readonly [T, ...T[]]): T =>
    from[seed === 0 ? 0 : randomIndex(seed, 0, at++, from.length)] ?? from[0];
};

/** The text of a shape in the layout of a seed; 0 gives the plainest. */
const layOut = (shape: string, seed: number): string => {
  const draw = drawer(seed);
  const comment = (): string => draw(COMMENTS);
  const newline = (): string => draw(NEWLINES);
  const blank = (): string => draw(BLANKS);
  const lineEnd = (): string =>
    draw<() => string>([
      newline,
      () => `${blank()}${newline()}`,
      newline,
      () => `${comment()}${newline()}${blank()}`,
      () => `${blank()}${comment()}${newline()}`,
      () => `${newline()}${blank()}${comment()}${newline()}${comment()}${newline()}`,
      () => `${newline()}${blank()}`,
    ])();
  const inner = (least: () => string): string =>
    draw<() => string>([
      least,
      least,
      () => newline(),
      blank,
      () => `${blank()}${comment()}${newline()}${blank()}`,
      () => `${newline()}${comment()}${newline()}`,
    ])();
  const fill: Readonly<Record<string, () => string>> = {
    [GAP]: () => draw<() => string>([() => "", () => "", blank])(),
    [SPACE]: blank,
    [INNER_GAP]: () => inner(() => ""),
    [INNER_SPACE]: () => inner(blank),
    [END]: lineEnd,
    [EDGE]: () => draw<() => string>([() => " ", lineEnd, () => "", lineEnd])(),
  };
  return shape.replace(/[\ue001-\ue006]/g, (mark) => fill[mark]?.() ?? "");
};

const name = fc.constantFrom("x", "mlp", "hidden", "of_step", "K", "windows", "batch", "tokens");
const number = fc.constantFrom("1", "0.5", "2e-3", "8B", "40K", "1.5M", "128");
const unit = fc.constantFrom("windows", "tokens", "GiB", "B", "s", "params", "%");
const string = fc
  .array(fc.constantFrom("a", "//", "{", "}", '\\"', "\\\\", "\\n", "é", "剪", " ", "/-", "("), {
    maxLength: 4,
  })
  .map((parts) => `"${parts.join("")}"`);

const joined = (parts: fc.Arbitrary<string>, by: string, least = 1, most = 3) =>
  fc.array(parts, { minLength: least, maxLength: most }).map((all) => all.join(by));

/** Operators with the white space that they need: `a . b` is no member, and `/-` disables a line. */
const operator = (gap: string, space: string) =>
  fc.constantFrom(
    ...["+", "-", "*", "^", "<=", ">=", "<", ">", "==", "!=", "??", "±"].map(
      (op) => gap + op + gap,
    ),
    ...["and", "or", "of", "/", "."].map((op) => space + op + space),
    `${space}.${gap}`,
    `${gap}.${space}`,
  );

type Expressions = {
  readonly atom: string;
  /** Anything that is no arrow and no range. */
  readonly value: string;
  readonly any: string;
};

/** Expressions; within brackets lines may go on, outside they may not. */
const expressions = (): Readonly<Record<"outer" | "value", fc.Arbitrary<string>>> => {
  const comma = `${INNER_GAP},${INNER_GAP}`;
  const bracketed = (open: string, inside: fc.Arbitrary<string>, close: string) =>
    inside.map((text) => `${open}${INNER_GAP}${text}${INNER_GAP}${close}`);
  const ranged = (value: fc.Arbitrary<string>, gap: string, space: string) =>
    fc.oneof(
      { weight: 5, arbitrary: value },
      fc.tuple(value, value).map(([a, b]) => `${a}${gap}..${gap}${b}`),
      fc
        .tuple(value, value, value)
        .map(([a, b, c]) => `${a}${gap}..${gap}${b}${space}step${space}${c}`),
      fc.tuple(value, value).map(([a, b]) => `${a}${gap}->${gap}${b}`),
      value.map((a) => `->${gap}${a}`),
    );
  const chained = (atom: fc.Arbitrary<string>, gap: string, space: string) =>
    fc.oneof(
      { weight: 3, arbitrary: atom },
      fc.tuple(atom, operator(gap, space), atom).map((parts) => parts.join("")),
      atom.map((a) => `-${gap}${a}`),
      atom.map((a) => `not${space}${a}`),
    );
  const { atom } = fc.letrec<Expressions>((tie) => {
    const axes = joined(name, comma);
    const argument = fc.oneof(
      tie("any"),
      fc.tuple(name, tie("any")).map(([n, value]) => `${n}${INNER_GAP}:${INNER_GAP}${value}`),
    );
    const callee = fc.oneof(
      name,
      fc.tuple(name, name).map((names) => names.join(".")),
    );
    const call = fc
      .tuple(callee, bracketed("(", joined(argument, comma, 0), ")"))
      .map((parts) => parts.join(""));
    return {
      atom: fc.oneof(
        { depthSize: "small", maxDepth: 3 },
        name,
        number,
        string,
        fc.tuple(number, unit).map(([n, u]) => (u === "%" ? `${n}${GAP}%` : `${n} ${u}`)),
        fc.constant("(step - 1)"),
        call,
        fc
          .tuple(name, bracketed("[", axes, "]"), bracketed("(", argument, ")"))
          .map((parts) => parts.join("")),
        bracketed("(", tie("any"), ")"),
        bracketed("[", joined(tie("any"), comma, 0), "]"),
        fc
          .tuple(name, bracketed("[", joined(tie("any"), comma), "]"))
          .map((parts) => parts.join("")),
        fc.tuple(name, name).map((names) => names.join(".")),
      ),
      value: chained(tie("atom"), INNER_GAP, INNER_SPACE),
      any: ranged(tie("value"), INNER_GAP, INNER_SPACE),
    };
  });
  const value = chained(atom, GAP, SPACE);
  return { outer: ranged(value, GAP, SPACE), value };
};

const { outer: expression, value } = expressions();

const names = joined(name, `${GAP},${GAP}`);
const words = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((all) => all.filter((part) => part !== "").join(SPACE));
const just = (text: string): fc.Arbitrary<string> => fc.constant(text);
const maybe = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(just(""), text);
const equals = (left: fc.Arbitrary<string>, right: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(left, right).map(([a, b]) => `${a}${GAP}=${GAP}${b}`);

/** A block of lines, some of them disabled. */
const block = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: line },
        line.map((text) => `/-${GAP}${text}`),
      ),
      { maxLength: 4 },
    )
    .map((lines) => `{${EDGE}${lines.join(END)}${EDGE}}`);

// An item may not begin with what would go on with the one before it.
const item = fc.oneof(
  name,
  number,
  string,
  fc.tuple(number, number).map(([a, b]) => `${a}${GAP}->${GAP}${b}`),
  fc.tuple(name, value).map(([n, argument]) => `${n}(${INNER_GAP}${argument}${INNER_GAP})`),
);
const statement = fc.oneof(
  words(names, joined(item, SPACE, 0)),
  words(names, just("by"), item),
  words(
    name,
    number.map((n) => `->${GAP}${n}`),
  ),
  words(
    name,
    expression.filter((text) => !/^[([-]/.test(text)),
  ),
);

const stage = fc.oneof(
  words(fc.constantFrom("model", "data"), equals(name, value), maybe(block(statement))),
  words(
    fc.constantFrom("score", "prune", "search", "distill", "evaluate", "export"),
    names,
    joined(
      words(fc.constantFrom("of", "on", "from", "using", "to"), fc.oneof(name, string)),
      SPACE,
      0,
    ),
    maybe(block(statement)),
  ),
);
const path = joined(name, `${GAP}.${GAP}`);
const recipeLine = fc.oneof(
  words(just("edition"), just("1")),
  words(just("use"), fc.oneof(path, string), maybe(words(just("as"), name))),
  words(fc.constantFrom("param", "let"), equals(name, expression)),
  stage,
  words(just("expect"), block(value)),
  words(just("profile"), name, block(equals(path, expression))),
);

const dims = joined(words(name, maybe(name)), `${INNER_GAP},${INNER_GAP}`).map(
  (axes) => `[${INNER_GAP}${axes.replaceAll(SPACE, INNER_SPACE)}${INNER_GAP}]`,
);
const parameter = fc.oneof(
  words(name, maybe(dims), maybe(words(just("of"), name))),
  fc.tuple(name, name).map(([a, b]) => `${a}${GAP}->${GAP}${b}`),
  equals(name, value),
);
const parameters = joined(parameter, `${INNER_GAP},${INNER_GAP}`, 0).map(
  (all) => `(${INNER_GAP}${all}${INNER_GAP})`,
);
const plainBodyLine = fc.oneof(
  equals(name, value),
  fc
    .tuple(name, joined(value, `${GAP},${GAP}`))
    .map(([n, all]) => `tap${SPACE}${n}${GAP}:${GAP}${all}`),
  value,
);
const bodyLine = fc.oneof(
  { weight: 5, arbitrary: plainBodyLine },
  words(just("each"), name, block(plainBodyLine)),
);
const signature = fc
  .tuple(name, maybe(names.map((axes) => `[${axes}]`)), maybe(parameters))
  .map((parts) => parts.join(""));
const definition = fc.oneof(
  words(fc.constantFrom("function", "loss", "schedule", "metric"), signature, block(bodyLine)),
  words(fc.constantFrom("function", "loss", "metric"), equals(signature, value)),
  words(
    just("criterion"),
    signature,
    just("of"),
    fc.constantFrom("tap", "weight"),
    names,
    block(bodyLine),
  ),
);
const weight = words(
  just("weight"),
  name,
  string,
  dims,
  maybe(words(just("when"), value)),
  maybe(words(just("else"), value)),
);
const architectureLine = fc.oneof(
  words(fc.constantFrom("axis", "config"), equals(name, value)),
  words(just("require"), value),
  weight,
  words(just("each"), name, block(weight)),
  fc.tuple(parameters, block(bodyLine)).map(([given, body]) => `forward${given}${GAP}${body}`),
);
const architecture = words(
  just("architecture"),
  name,
  just("for"),
  joined(string, `${GAP},${GAP}`),
  block(architectureLine),
);
const libraryLine = fc.oneof({ weight: 2, arbitrary: definition }, architecture);

/** Whole files in any layout; all of them parse. */
export const source: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc
        .oneof(recipeLine, libraryLine)
        .chain((line) => fc.constantFrom(line, line, line, `/-${GAP}${line}`)),
      { maxLength: 5 },
    ),
    fc.nat(),
  )
  .map(([lines, seed]) =>
    layOut(
      `${EDGE.repeat(lines.length > 0 ? 1 : 0)}${lines.map((line) => `${line}${END}`).join("")}`,
      seed,
    ),
  );

/** Characters and words that mean something to the grammar, and some that do not. */
const scrap = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'{}()[]"/-.,:=<>!?%^*+±\\\n\r\t \u00a0\ufeff;#$é剪') },
  fc.constantFrom(
    "//",
    "/-",
    "->",
    "..",
    "??",
    "1",
    "2e-3",
    "8B",
    '"',
    '"x',
    "of",
    "not",
    "step",
    "{\n",
    "(\n",
  ),
  fc.constantFrom(
    "edition",
    "use",
    "let",
    "model",
    "score",
    "expect",
    "profile",
    "loss",
    "architecture",
    "each",
    "tap",
  ),
  fc.string({ unit: "binary", maxLength: 3 }),
);

/** Anything at all, with a leaning to what the grammar knows. */
export const soup: fc.Arbitrary<string> = fc.oneof(
  fc.array(scrap, { maxLength: 60 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);

/** A source with runs of characters removed and scraps put in their places. */
export const mangled: fc.Arbitrary<string> = fc
  .tuple(
    source,
    fc.array(fc.record({ at: fc.nat(), removed: fc.nat(4), put: fc.oneof(just(""), scrap) }), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((whole, { at, removed, put }) => {
      const from = at % (whole.length + 1);
      return `${whole.slice(0, from)}${put}${whole.slice(from + removed)}`;
    }, text),
  );
