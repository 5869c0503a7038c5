/**
 * A sweep through a model larger than device memory: one program for each kind of segment, whose weights take turns in one
 * buffer. Batches get smaller until everything fits the memory that the target allows.
 */
import type { Arithmetic } from "../../kernels/operand.js";
import type { Accumulator } from "../passes/decompose.js";
import type {
  CarriedValue,
  ModelLayout,
  Program,
  Segment,
  Streaming,
  Sweep,
  WeightEntry,
} from "../plan.js";
import type { InputPlace, OutputPlace } from "../schedule/target.js";
import { storedBytes, tensorBytes } from "../schedule/target.js";
import { DoesNotFit, inLargestBatch } from "./fit.js";
import { align, elements } from "./layout.js";
import { addPhased, type Phasing } from "./phased.js";
import { feedPlaces, placement } from "./placement.js";
import { addGraph, addPrograms, createPrograms, type Programs, tuningBytes } from "./programs.js";
import {
  type Part,
  type SegmentGraphs,
  type Segments,
  segmentsOf,
  type Whole,
} from "./segments.js";
import { carriedOf, type WaitingPlaces, waitingPlaces } from "./waiting.js";

/** Everything that a sweep is streamed by; `wholeOf` gives its graphs for batches of so many windows. */
export interface StreamParts {
  readonly name: string;
  readonly data: string;
  readonly total: number;
  readonly order: Sweep["order"];
  readonly layout: ModelLayout;
  /** Of products with the model's weights. */
  readonly arithmetic: Arithmetic;
  readonly wholeOf: (windows: number) => Whole;
  /** How the programs of a batch take what is as wide as the vocabulary. */
  readonly phasingOf: (windows: number) => Phasing;
}

/** Host memory for what waits, as a part of the device memory allowed. */
const HOST_SHARE = 0.25;

/** Ranges of a state buffer, one after the other, each on a boundary that can be bound. */
class Ranges<K> {
  private readonly offsets = new Map<K, number>();
  private end = 0;

  place(key: K, bytes: number): number {
    const known = this.offsets.get(key);
    if (known !== undefined) return known;
    const offset = this.end;
    this.offsets.set(key, offset);
    this.end += align(bytes);
    return offset;
  }
  get bytes(): number {
    return this.end;
  }
}

const weightBytes = ({ dims, dtype }: WeightEntry): number =>
  storedBytes(
    elements(dims.map((axes) => axes.map(({ axis, size }) => ({ name: axis, size })))),
    dtype,
  );

const stateNames = (name: string) => ({
  weights: `${name}.segment.weights`,
  sums: `${name}.segment.sums`,
  accumulators: `${name}.accumulators`,
  taken: (value: string) => `${name}.taken.${value}`,
  given: (value: string) => `${name}.given.${value}`,
});

const statePlace = (state: string, stateBytes: number, offset: number) =>
  ({ kind: "state", state, stateBytes, offset }) as const;

/** A segment with its places in the buffers; sizes of buffers are known once all segments are. */
interface Placed {
  readonly graphs: SegmentGraphs;
  readonly weights: ReadonlyMap<WeightEntry, number>;
  /** Offsets of `sum.…` and `result.…` in the segment's sums. */
  readonly sums: ReadonlyMap<string, number>;
  /** Of these, so many bytes from the beginning on are needed when it is over, and go there in the accumulators. */
  readonly bytes: number;
  readonly offset: number;
}

const partsOf = ({ batch, conclude }: SegmentGraphs): Part[] =>
  [batch, conclude].filter((part): part is Part => part !== null);

const placeSegments = (segments: readonly SegmentGraphs[]) => {
  let end = 0;
  let most = 0;
  let widest = 0;
  const placed = segments.map((graphs): Placed => {
    const weights = new Ranges<WeightEntry>();
    const sums = new Ranges<string>();
    const weightAt = new Map<WeightEntry, number>();
    const sumAt = new Map<string, number>();
    for (const part of partsOf(graphs))
      for (const entry of part.weights.values())
        weightAt.set(entry, weights.place(entry, weightBytes(entry)));
    const place = (name: string, { axes }: Accumulator): void => {
      sumAt.set(name, sums.place(name, tensorBytes(axes)));
    };
    const placeSums = (lasting: boolean): void => {
      for (const [at, sum] of graphs.sums.entries())
        if (graphs.lasting.has(sum.name) === lasting) place(`sum.${at}`, sum);
    };
    placeSums(true);
    for (const [at, result] of graphs.results.entries()) place(`result.${at}`, result);
    const [bytes, offset] = [sums.bytes, end];
    end += bytes;
    placeSums(false);
    most = Math.max(most, weights.bytes);
    widest = Math.max(widest, sums.bytes);
    return { graphs, weights: weightAt, sums: sumAt, bytes, offset };
  });
  return { placed, weightBytes: most, sumBytes: widest, accumulatorBytes: end };
};

/** What a program takes besides states. */
const ownBytes = ({ buffers }: Program): number =>
  buffers.reduce((sum, { role, bytes }) => (role === "state" ? sum : sum + bytes), 0);

/** One way of streaming a sweep: its batches, and everything's place. */
interface Layout {
  readonly parts: StreamParts;
  readonly into: Programs;
  /** Windows of a whole batch, and of all sizes of batches. */
  readonly batch: number;
  readonly sizes: readonly number[];
  readonly placed: readonly Placed[];
  readonly weightBytes: number;
  readonly sumBytes: number;
  readonly accumulatorBytes: number;
  readonly carried: readonly CarriedValue[];
  readonly waiting: WaitingPlaces;
  /** Names of programs by what they were made from. */
  readonly made: Map<string, string>;
}

/** Where sums and conclusions that last are, by the names of the accumulators. */
const accumulatorPlaces = ({
  parts,
  placed,
  accumulatorBytes,
}: Layout): readonly [string, InputPlace][] => {
  const { accumulators } = stateNames(parts.name);
  return placed.flatMap(({ graphs, sums, offset }) => {
    const place = (of: string, { name }: Accumulator): [string, InputPlace] => [
      name,
      statePlace(accumulators, accumulatorBytes, offset + (sums.get(of) ?? 0)),
    ];
    return [
      ...graphs.sums.flatMap((sum, i) =>
        graphs.lasting.has(sum.name) ? [place(`sum.${i}`, sum)] : [],
      ),
      ...graphs.results.map((result, i) => place(`result.${i}`, result)),
    ];
  });
};

const inputPlaces = (layout: Layout, part: Part, at: Placed): [string, InputPlace][] => {
  const { weightBytes, sumBytes, carried, batch } = layout;
  const states = stateNames(layout.parts.name);
  const bytesOf = (value: string): number =>
    (carried.find(({ name }) => name === value)?.bytes ?? 0) * batch;
  const weights = [...part.weights].map(([input, entry]): [string, InputPlace] => [
    input,
    {
      ...statePlace(states.weights, weightBytes, at.weights.get(entry) ?? 0),
      dtype: entry.dtype,
      arithmetic: layout.parts.arithmetic,
    },
  ]);
  const rows = [...part.rows.keys()].map((input): [string, InputPlace] => [
    input,
    { kind: "feed", source: { kind: "rows" } },
  ]);
  const taken = [...part.takes].map(([input, { name }]): [string, InputPlace] => [
    input,
    statePlace(states.taken(name), bytesOf(name), 0),
  ]);
  const sums = [...at.sums].map(([input, offset]): [string, InputPlace] => [
    input,
    statePlace(states.sums, sumBytes, offset),
  ]);
  const others = accumulatorPlaces(layout).filter(([name]) => part.sums.has(name));
  return [...feedPlaces, ...weights, ...rows, ...taken, ...sums, ...others];
};

const outputPlaces = (
  { parts, sumBytes, carried, batch }: Layout,
  part: Part,
  at: Placed,
): [string, OutputPlace][] => {
  const states = stateNames(parts.name);
  return Object.keys(part.graph.outputs).map((output): [string, OutputPlace] => {
    const value = part.gives.get(output)?.name;
    if (value === undefined) {
      const place = statePlace(states.sums, sumBytes, at.sums.get(output) ?? 0);
      return [output, { ...place, accumulate: output.startsWith("sum.") }];
    }
    const bytes = (carried.find(({ name }) => name === value)?.bytes ?? 0) * batch;
    return [output, { ...statePlace(states.given(value), bytes, 0), accumulate: false }];
  });
};

/** Lowers a part of a segment, for so many windows or none, or finds the program made from an equal one. */
const programOf = (
  layout: Layout,
  name: string,
  part: Part,
  at: Placed,
  windows: number | null,
): string => {
  const offsets = [
    ...[...part.weights.values()].map((w) => `${w.dtype} ${at.weights.get(w)}`),
    ...at.sums.values(),
    // A part with sums of others is one of a kind.
    ...(part.sums.size > 0 ? [name] : []),
  ];
  const key = `${offsets.join(" ")}\n${part.text}`;
  const known = layout.made.get(key);
  if (known !== undefined) return known;
  const places = placement(inputPlaces(layout, part, at), outputPlaces(layout, part, at));
  const made = `${layout.parts.name}.${name}`;
  if (windows === null) addGraph(layout.into, made, part.graph, places);
  else addPhased(layout.into, made, part.graph, places, layout.parts.phasingOf(windows));
  layout.made.set(key, made);
  return made;
};

const segmentOf = (
  layout: Layout,
  at: Placed,
  index: number,
  bySize: ReadonlyMap<number, Segments>,
): Segment => {
  const batches = layout.sizes.flatMap((windows) => {
    const part = bySize.get(windows)?.segments[index]?.batch ?? null;
    return part === null
      ? []
      : [
          {
            windows,
            program: programOf(layout, `segment${index}.batch${windows}`, part, at, windows),
          },
        ];
  });
  const { batch, conclude } = at.graphs;
  return {
    weights: [...at.weights].map(([{ weight, layer }, offset]) => ({ weight, layer, offset })),
    rows: [...(batch?.rows ?? [])].map(([feed, { weight, layer }]) => ({ feed, weight, layer })),
    batches,
    takes: [...(batch?.takes.values() ?? [])].map(layout.waiting.of),
    gives: [...(batch?.gives.values() ?? [])].map(layout.waiting.of),
    conclude:
      conclude === null ? null : programOf(layout, `segment${index}.conclude`, conclude, at, null),
    offset: at.offset,
    bytes: at.bytes,
  };
};

const finishOf = (layout: Layout, { finish }: Segments): string => {
  const inputs = accumulatorPlaces(layout);
  const outputs = Object.keys(finish.outputs).map((name): [string, OutputPlace] => [
    name,
    { kind: "output" },
  ]);
  return addGraph(layout.into, `${layout.parts.name}.finish`, finish, placement(inputs, outputs));
};

/** The most that the programs of one segment take besides states, tuned or run. */
const ownBytesOf = ({ into }: Layout, segments: readonly Segment[], finish: string): number => {
  const own = (program: string): number => {
    const found = into.programs.get(program);
    return found === undefined ? 0 : ownBytes(found) + tuningBytes(found);
  };
  const ofSegments = segments.map(({ batches, conclude }) =>
    [...batches.map(({ program }) => program), ...(conclude === null ? [] : [conclude])].reduce(
      (sum, program) => sum + own(program),
      0,
    ),
  );
  return Math.max(own(finish), ...ofSegments);
};

interface Streamed {
  readonly sweep: Sweep;
  /** Its programs. */
  readonly own: Programs;
  /** Without what waits between segments. */
  readonly held: number;
}

const streamedBy = (parts: StreamParts, batch: number, target: Programs["target"]): Streamed => {
  const sizes = [batch, parts.total % batch].filter((size) => size > 0);
  const whole = parts.wholeOf(batch);
  const first = segmentsOf(whole);
  const bySize = new Map(
    sizes.map((size) => [size, size === batch ? first : segmentsOf(parts.wholeOf(size))]),
  );
  const into = createPrograms(target);
  const places = placeSegments(first.segments);
  const carried = carriedOf(whole, batch, stateNames(parts.name));
  const waiting = waitingPlaces(whole, carried);
  const made = new Map<string, string>();
  const layout: Layout = { parts, into, batch, sizes, ...places, carried, waiting, made };
  const segments = places.placed.map((at, index) => segmentOf(layout, at, index, bySize));
  const finish = finishOf(layout, first);
  const states = stateNames(parts.name);
  const windowBytes = carried.reduce((sum, { bytes }) => sum + bytes, 0);
  const needed =
    places.weightBytes +
    places.sumBytes +
    places.accumulatorBytes +
    2 * windowBytes * batch +
    ownBytesOf(layout, segments, finish);
  const wanted = waiting.bytes * batch * Math.ceil(parts.total / batch);
  const room = Math.max(0, (target.memory ?? needed) - needed);
  const storeBytes = Math.min(wanted, Math.floor(room / 4) * 4);
  const hostBytes = Math.floor((target.memory ?? 0) * HOST_SHARE);
  const streaming: Streaming = {
    weights: { state: states.weights, bytes: places.weightBytes },
    sums: { state: states.sums, bytes: places.sumBytes },
    accumulators: { state: states.accumulators, bytes: places.accumulatorBytes },
    carried,
    waitingBytes: waiting.bytes,
    segments,
    storeBytes,
    hostBytes,
    diskBytes: Math.max(0, wanted - storeBytes - hostBytes),
    peakBytes: needed + storeBytes,
  };
  const sweep: Sweep = {
    data: parts.data,
    windows: parts.total,
    order: parts.order,
    accumulators: [],
    batches: [],
    finish,
    streaming,
  };
  return { sweep, own: into, held: needed };
};

/** Plans a sweep layer by layer, in the largest batches of at most `windows` that fit. Throws DoesNotFit, NotSegmentable. */
export const streamSweep = (into: Programs, parts: StreamParts, windows: number): Sweep => {
  const { memory } = into.target;
  const { sweep, held, own } = inLargestBatch(windows, memory, (batch) =>
    streamedBy(parts, batch, into.target),
  );
  if (memory !== null && held > memory) throw new DoesNotFit(parts.name, held, memory);
  addPrograms(into, own);
  return sweep;
};
