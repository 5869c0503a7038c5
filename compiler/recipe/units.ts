/**
 * Quantities: a number with a kind (params, tokens, …) and their algebra. Values are in base units
 * (bytes, seconds; a percentage is a ratio, 50% is 0.5). Adding kinds that differ is an error.
 */

export type UnitKind =
  | "number"
  | "ratio"
  | "params"
  | "tokens"
  | "windows"
  | "steps"
  | "bytes"
  | "time";

export interface Quantity {
  readonly value: number;
  readonly unit: UnitKind;
}

/** Written units: what they are and what one of them is worth. */
const UNITS: Readonly<Record<string, readonly [UnitKind, number]>> = {
  params: ["params", 1],
  tokens: ["tokens", 1],
  windows: ["windows", 1],
  samples: ["windows", 1],
  steps: ["steps", 1],
  "%": ["ratio", 0.01],
  B: ["bytes", 1],
  bytes: ["bytes", 1],
  KB: ["bytes", 1e3],
  MB: ["bytes", 1e6],
  GB: ["bytes", 1e9],
  TB: ["bytes", 1e12],
  KiB: ["bytes", 2 ** 10],
  MiB: ["bytes", 2 ** 20],
  GiB: ["bytes", 2 ** 30],
  TiB: ["bytes", 2 ** 40],
  s: ["time", 1],
  min: ["time", 60],
  h: ["time", 3600],
  seconds: ["time", 1],
  minutes: ["time", 60],
  hours: ["time", 3600],
};

export const unitNames: readonly string[] = Object.keys(UNITS);

/** A literal's quantity in base units, or null where the unit is not known. */
export const quantityOf = (value: number, unit: string): Quantity | null => {
  const known = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (known === undefined) return null;
  const [kind, worth] = known;
  // Dividing keeps 5% at 0.05 exactly as written; multiplying by 0.01 would not.
  return { unit: kind, value: kind === "ratio" ? value / 100 : value * worth };
};

/** What people call a quantity of this kind. */
export const unitLabel = (unit: UnitKind): string => {
  switch (unit) {
    case "number":
      return "a plain number";
    case "ratio":
      return "a percentage";
    case "time":
      return "a time";
    default:
      return unit;
  }
};

/** The unit to write for a value in base units, so that it reads back the same. */
export const writtenUnit = (unit: UnitKind): string | null => {
  switch (unit) {
    case "number":
      return null;
    case "ratio":
      return "%";
    case "bytes":
      return "B";
    case "time":
      return "s";
    default:
      return unit;
  }
};

export const printQuantity = ({ value, unit }: Quantity): string => {
  const written = writtenUnit(unit);
  if (written === null) return String(value);
  return unit === "ratio" ? `${Number((value * 100).toPrecision(12))}%` : `${value} ${written}`;
};

export type Arithmetic = "+" | "-" | "*" | "/" | "^";

const isFactor = (unit: UnitKind): boolean => unit === "number" || unit === "ratio";

const unitOf = (op: Arithmetic, left: UnitKind, right: UnitKind): UnitKind | null => {
  switch (op) {
    case "+":
    case "-":
      return left === right ? left : null;
    case "*":
      if (isFactor(left)) return right === "ratio" ? left : right;
      return isFactor(right) ? left : null;
    case "/":
      if (left === right) return "number";
      return isFactor(right) ? left : null;
    case "^":
      return left === "number" && right === "number" ? "number" : null;
    default:
      return op satisfies never;
  }
};

const compute = (op: Arithmetic, left: number, right: number): number => {
  switch (op) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "^":
      return left ** right;
    default:
      return op satisfies never;
  }
};

/** `left op right`, or null where the kinds cannot be joined. */
export const combine = (op: Arithmetic, left: Quantity, right: Quantity): Quantity | null => {
  const unit = unitOf(op, left.unit, right.unit);
  return unit === null ? null : { unit, value: compute(op, left.value, right.value) };
};
