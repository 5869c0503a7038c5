/** Writes the values of a kernel's nodes as WGSL: loads, views, elementwise functions, each computed once in its scope. */
import { type Dtype, readOperand } from "../../kernels/operand.js";
import type { Axis, Node } from "../ir/tensor.js";
import { expression, literal } from "./expression.js";
import { FOUR, type Fours, type FoursFound, isWhole, lieTogether } from "./fours.js";
import type { Indices } from "./indices.js";
import type { Names } from "./names.js";
import { type Box, slabOf, type Walked } from "./pieces.js";

/** Lines that belong together, and the values that they hold. */
export interface Scope {
  readonly lines: string[];
  readonly values: Map<Node, string>;
  readonly indices: Indices;
  /** Null outside of what is computed in fours. */
  readonly fours: Fours | null;
}

export interface ValuesOf {
  readonly names: Names;
  readonly root: Node;
  readonly isStored: (node: Node) => boolean;
  readonly dtypeOf: (node: Node) => Dtype;
  readonly box: Box;
  /** How the kernel walks stored tensors, where the box cuts any. */
  readonly walks: ReadonlyMap<Node, Walked>;
  /** Lines outside every loop: what does not change along a row is computed there once. */
  readonly row: Scope;
  readonly rowAxes: readonly Axis[];
  /** The tensors that are bound in fours, and a note of those that could be. */
  readonly inFours: ReadonlySet<Node>;
  readonly found: FoursFound;
}

/** Stands for an index that nothing asks for, as what has it is read in fours. */
const UNUSED = "unused";

export class Values {
  flops = 0;
  private readonly rowAxes: ReadonlySet<string>;
  /** Parts of offsets that do not change along a row, by what they are parts of. */
  private readonly rowOffsets = new Map<string, string>();

  constructor(private readonly of: ValuesOf) {
    this.rowAxes = new Set(of.rowAxes.map(({ name }) => name));
  }

  private isOperand(node: Node): boolean {
    return node !== this.of.root && this.of.isStored(node);
  }

  /** Where an element of a stored tensor lies in its binding. A piece binds a slab, whose start is taken off. */
  offset(tensor: Node, axes: readonly Axis[], { indices, lines }: Scope): string {
    const { names, walks, box, row } = this.of;
    let stride = 1;
    const [fixed, varying]: [string[], string[]] = [[], []];
    for (const axis of [...axes].reverse()) {
      const index = indices.get(axis.name);
      if (index === undefined) throw new Error(`no index for axis ${axis.name}`);
      if (index !== "0u") {
        const term =
          stride === 1
            ? index
            : `${index} * ${names.param(`stride of ${axis.name} in ${tensor.id}`, stride)}`;
        const isFixed = lines !== row.lines && row.indices.get(axis.name) === index;
        (isFixed && stride !== 1 ? fixed : varying).unshift(term);
      }
      stride *= axis.size;
    }
    const walked = walks.get(tensor);
    const cut = walked?.axes.some(({ axis }) => axis !== null && box.has(axis)) === true;
    const start =
      cut && walked !== undefined
        ? ` - ${names.param(`slab of ${tensor.id}`, slabOf(walked, box).start)}`
        : "";
    const terms = fixed.length === 0 ? varying : [this.ofRow(fixed.join(" + ")), ...varying];
    return `${terms.length === 0 ? "0u" : terms.join(" + ")}${start}`;
  }

  /** Whether an element, with the three after it, is one vector of its binding; noted of every load and store. */
  isFour(tensor: Node, axes: readonly Axis[], { indices, fours }: Scope): boolean {
    const isIndex = tensor.op === "input" && tensor.dtype === "u32";
    const fits = fours !== null && !isIndex && lieTogether(axes, indices, fours);
    this.of.found.note(tensor, fits);
    return fits && this.of.inFours.has(tensor);
  }

  /** Where four elements of a stored tensor lie in its binding, in fours. */
  offsetOfFour(tensor: Node, axes: readonly Axis[], { indices, fours }: Scope): string {
    const { names, row } = this.of;
    let stride = 1;
    const [fixed, varying]: [string[], string[]] = [[], []];
    for (const { name, size } of [...axes].reverse()) {
      const index = indices.get(name) ?? "0u";
      const along = fours?.indices.get(name);
      if (along !== undefined) varying.unshift(along());
      else if (index !== "0u") {
        const fourths = names.param(`fours to ${name} in ${tensor.id}`, stride / FOUR);
        (row.indices.get(name) === index ? fixed : varying).unshift(`${index} * ${fourths}`);
      }
      stride *= size;
    }
    const terms = fixed.length === 0 ? varying : [this.ofRow(fixed.join(" + ")), ...varying];
    return terms.join(" + ");
  }

  private ofRow(text: string): string {
    const known = this.rowOffsets.get(text);
    if (known !== undefined) return known;
    const name = this.of.names.fresh("o");
    this.of.row.lines.push(`let ${name} = ${text};`);
    this.rowOffsets.set(text, name);
    return name;
  }

  private load(node: Node, scope: Scope): string {
    const { names, dtypeOf } = this.of;
    const [binding, dtype] = [names.binding(node), dtypeOf(node)];
    if (this.isFour(node, node.axes, scope) && scope.fours !== null) {
      const four = readOperand(dtype, true, binding, this.offsetOfFour(node, node.axes, scope));
      const name = this.once(scope.fours, four, (lines) => {
        const fresh = names.fresh("f");
        lines.push(`let ${fresh} = ${four};`);
        return fresh;
      });
      return `${name}.${"xyzw"[scope.fours.at]}`;
    }
    const offset = this.offset(node, node.axes, scope);
    if (dtype === "f32") return readOperand(dtype, false, binding, offset);
    const at = names.fresh("h");
    scope.lines.push(`let ${at} = ${offset};`);
    return readOperand(dtype, false, binding, at);
  }

  /** The value of `node`; new lets go to the scope, values seen in it are shared. */
  value(node: Node, scope: Scope): string {
    const { names, row } = this.of;
    const known = row.values.get(node) ?? scope.values.get(node);
    if (known !== undefined) return known;
    if (node.op === "const") return literal(node.value);
    if (scope.lines !== row.lines && this.isOfRow(node)) return this.value(node, row);
    const text = this.compute(node, scope);
    const name = names.fresh("t");
    scope.lines.push(`let ${name} = ${text};`);
    scope.values.set(node, name);
    return name;
  }

  private isOfRow(node: Node): boolean {
    return (
      (node.op === "map" || this.isOperand(node)) &&
      node.axes.every(({ name }) => this.rowAxes.has(name))
    );
  }

  private compute(node: Node, scope: Scope): string {
    if (this.isOperand(node)) return this.load(node, scope);
    switch (node.op) {
      case "index":
        return `f32(${scope.indices.get(node.axes[0]?.name ?? "") ?? "0u"})`;
      case "cast":
        return `f32(${this.load(node.arg, scope)})`;
      case "map":
        this.flops++;
        return expression(
          node.fn,
          node.args.map((arg) => this.value(arg, scope)),
        );
      case "stop":
        return this.value(node.arg, scope);
      case "permute":
      case "shift":
      case "rename":
      case "gather":
        return this.view(node, scope);
      default:
        throw new Error(`${node.op} cannot be generated here`);
    }
  }

  /** A load at other indices. What is looked at is stored. */
  private view(node: Node, scope: Scope): string {
    if (this.isOperand(node)) return this.load(node, scope);
    const { indices, fours } = scope;
    const at = (axis: string, index: string, four: (() => string) | undefined): Scope => {
      const along = new Map(fours?.indices);
      if (four === undefined) along.delete(axis);
      else along.set(axis, four);
      return {
        ...scope,
        indices: new Map(indices).set(axis, index),
        fours: fours === null ? null : { ...fours, indices: along },
      };
    };
    switch (node.op) {
      case "permute":
        return this.view(node.arg, scope);
      case "rename":
        return this.view(
          node.arg,
          at(node.from, indices.get(node.to) ?? "0u", fours?.indices.get(node.to)),
        );
      case "shift": {
        const size = node.axes.find((axis) => axis.name === node.axis)?.size ?? 1;
        const index = indices.get(node.axis) ?? "0u";
        const along = fours?.indices.get(node.axis);
        const four =
          along === undefined || fours === null || !isWhole(node.by) || !isWhole(size)
            ? undefined
            : () => this.shiftedFour(node.id, along(), node.by, size, fours);
        const inFours = four !== undefined && this.of.inFours.has(this.viewed(node));
        const wrapped = inFours ? UNUSED : this.wrapped(node, index, size, scope);
        return this.view(node.arg, at(node.axis, wrapped, four));
      }
      case "gather":
        // The row is found for each element by itself.
        return this.view(node.table, {
          ...at(node.axis, this.gathered(node, scope), undefined),
          fours: null,
        });
      default:
        return this.load(node, scope);
    }
  }

  /** A shifted index: once for the four elements where it is that of all of them, before what they load together. */
  private wrapped(
    { id, by }: Extract<Node, { op: "shift" }>,
    index: string,
    size: number,
    { fours, lines }: Scope,
  ): string {
    const shift = (into: string[]): string => this.shifted(`${id}`, index, by, size, into);
    const before = [...this.of.row.indices.values(), ...(fours?.known.values() ?? [])];
    if (fours === null || (index !== "0u" && !before.includes(index))) return shift(lines);
    return this.once(fours, `${index} shifted by ${by} for all in ${id}`, shift);
  }

  /** The name of what all four elements have: written before them when it is first asked for. */
  private once({ lines, known }: Fours, what: string, write: (lines: string[]) => string): string {
    const name = known.get(what) ?? write(lines);
    known.set(what, name);
    return name;
  }

  /** The same of an index in fours, once for the four elements. */
  private shiftedFour(id: number, index: string, by: number, size: number, fours: Fours): string {
    return this.once(fours, `${index} shifted by ${by} in ${id}`, (lines) =>
      this.shifted(`fours of ${id}`, index, by / FOUR, size / FOUR, lines),
    );
  }

  /** The stored tensor that a view looks at. */
  private viewed(node: Node): Node {
    if (this.isOperand(node)) return node;
    switch (node.op) {
      case "permute":
      case "rename":
      case "shift":
        return this.viewed(node.arg);
      case "gather":
        return this.viewed(node.table);
      default:
        return node;
    }
  }

  /** An index so many places on, round the axis. */
  private shifted(id: string, index: string, by: number, size: number, lines: string[]): string {
    const { names } = this.of;
    const [sum, wrapped] = [names.fresh("j"), names.fresh("j")];
    const end = names.param(`size in ${id}`, size);
    lines.push(
      `let ${sum} = ${index} + ${names.param(`shift of ${id}`, by)};`,
      `let ${wrapped} = select(${sum}, ${sum} - ${end}, ${sum} >= ${end});`,
    );
    return wrapped;
  }

  /** The row of a table; clamped, as an index from outside must not read past the table. */
  private gathered(node: Extract<Node, { op: "gather" }>, scope: Scope): string {
    const { names, box } = this.of;
    const name = names.fresh("j");
    const size = node.table.axes.find((axis) => axis.name === node.axis)?.size ?? 1;
    const row = this.load(node.indices, scope);
    const range = box.get(node.axis);
    if (range === undefined) {
      scope.lines.push(
        `let ${name} = min(${row}, ${names.param(`last of ${node.id}`, size - 1)});`,
      );
      return name;
    }
    const least = names.param(`first of ${node.id}`, range.start);
    const most = names.param(`last of ${node.id}`, range.start + range.length - 1);
    scope.lines.push(
      `let ${name} = clamp(${row}, ${least}, ${most});`,
      `let inside = ${row} == ${name};`,
    );
    return name;
  }
}
