/**
 * A sweep through a model that is larger than device memory: segment after segment, each with its weights read from disk
 * once, all windows going through it before the next. The next segment's weights are read while the device works.
 */
import type { Segment, Streaming, Sweep, WeightEntry } from "../../compiler/plan.js";
import type { Corpus } from "../data/corpus.js";
import { RunError } from "../errors.js";
import { BLOCK } from "../formats/stored-tensor.js";
import type { Weights } from "../formats/weights.js";
import { batchesOf, batchOf } from "./batch.js";
import { openCarried } from "./carried.js";
import { programNamed, type RunContext, releaseProgram, writeTensor } from "./context.js";
import { type TableRows, tableRows } from "./table-rows.js";

const entryOf = (
  { layout }: Weights,
  of: { readonly weight: string; readonly layer: number | null },
): WeightEntry => {
  const entry = layout.weights.find((w) => w.weight === of.weight && w.layer === of.layer);
  if (entry === undefined) throw new RunError(`${layout.name} has no weight ${of.weight}`);
  return entry;
};

/** Reads what a segment will need, so that the system has it at hand; nothing is kept here. */
const readAhead = async (weights: Weights, segment: Segment | undefined): Promise<void> => {
  const block = new Uint8Array(BLOCK);
  for (const of of segment?.weights ?? []) {
    const tensor = weights.tensor(entryOf(weights, of));
    const size = tensor.dtype === "f32" ? 4 : 2;
    for (let start = 0; start < tensor.count; start += BLOCK / size)
      await tensor.read(start, block.subarray(0, (tensor.count - start) * size));
  }
};

/** The tables of which a segment takes rows, by the feed that they come in. */
const tablesOf = (weights: Weights, { rows }: Segment): readonly (readonly [string, TableRows])[] =>
  rows.map(({ feed, ...of }) => {
    const entry = entryOf(weights, of);
    return [feed, tableRows(weights.tensor(entry), entry.dims.flat()[0]?.size ?? 1)] as const;
  });

const rowFeeds = async (
  tables: readonly (readonly [string, TableRows])[],
  tokens: Uint32Array,
): Promise<Record<string, Float32Array>> => {
  const feeds: Record<string, Float32Array> = {};
  for (const [feed, rows] of tables) feeds[feed] = await rows.of(tokens);
  return feeds;
};

const programsOf = ({ batches, conclude }: Segment): string[] => [
  ...batches.map(({ program }) => program),
  ...(conclude === null ? [] : [conclude]),
];

interface Stream {
  readonly context: RunContext;
  readonly sweep: Sweep;
  readonly streaming: Streaming;
  readonly weights: Weights;
  readonly corpus: Corpus;
  readonly windows: readonly number[];
}

/** Says how far the stream is, in windows that went through everything. */
const report = (stream: Stream, segment: number, done: number): void => {
  const { context, corpus, sweep, streaming } = stream;
  const count = streaming.segments.length;
  const through = segment * sweep.windows + done;
  const tokens = Math.floor((through * corpus.window) / count);
  context.reporter.progress({ done: through, total: count * sweep.windows, tokens });
};

const load = async ({ context, streaming, weights }: Stream, segment: Segment): Promise<void> => {
  const { state, bytes } = streaming.weights;
  context.executor.state(state, bytes);
  for (const { offset, ...of } of segment.weights) {
    const entry = entryOf(weights, of);
    await writeTensor(context, state, offset, weights.tensor(entry), entry.dtype);
  }
};

const runSegment = async (
  stream: Stream,
  index: number,
  store: ReturnType<typeof openCarried>,
): Promise<void> => {
  const { context, corpus, streaming, weights, windows } = stream;
  const { executor } = context;
  const segment = streaming.segments[index];
  if (segment === undefined) return;
  await load(stream, segment);
  for (const program of programsOf(segment)) await programNamed(context, program);
  executor.state(streaming.sums.state, streaming.sums.bytes);
  executor.zero(streaming.sums.state);
  const ahead = readAhead(weights, streaming.segments[index + 1]);
  ahead.catch(() => undefined);
  const tables = tablesOf(weights, segment);
  let done = 0;
  // A segment of which only the weights count has no batches.
  const batches = segment.batches.length === 0 ? [] : batchesOf(segment.batches, windows);
  for (const [at, batch] of batches.entries()) {
    const data = batchOf(corpus, batch.windows);
    const rows = await rowFeeds(tables, data.tokens);
    await store.take(at, segment.takes);
    await (await programNamed(context, batch.program)).run({ ...data, ...rows });
    await store.keep(at, segment.gives);
    done += batch.windows.length;
    await executor.settle();
    report(stream, index, done);
  }
  if (segment.conclude !== null) await (await programNamed(context, segment.conclude)).run({});
  const { sums, accumulators } = streaming;
  executor.state(accumulators.state, accumulators.bytes);
  const to = { state: accumulators.state, offset: segment.offset };
  if (segment.bytes > 0) executor.copy({ state: sums.state, offset: 0 }, to, segment.bytes);
  await executor.finish();
  // A failure to read is said when the segment needs the weights.
  await ahead.catch(() => undefined);
  const next = new Set(programsOf(streaming.segments[index + 1] ?? segment));
  const over = index + 1 === streaming.segments.length;
  for (const program of programsOf(segment))
    if (over || !next.has(program)) await releaseProgram(context, program);
};

/** Fills the accumulators of a streamed sweep over these windows; all other states are let go of. */
export const runStreaming = async (
  context: RunContext,
  name: string,
  sweep: Sweep,
  streaming: Streaming,
  { corpus, weights }: Pick<Stream, "corpus" | "weights">,
  windows: readonly number[],
): Promise<void> => {
  const { executor } = context;
  const stream: Stream = { context, sweep, streaming, corpus, weights, windows };
  const most = Math.max(
    ...streaming.segments.flatMap(({ batches }) => batches.map((batch) => batch.windows)),
    0,
  );
  // Made here, as a criterion that looks at nothing goes through no segment.
  for (const { state, bytes } of [streaming.weights, streaming.sums, streaming.accumulators])
    executor.state(state, bytes);
  const store = openCarried(executor, streaming, most, context.out, name);
  try {
    for (const index of streaming.segments.keys()) await runSegment(stream, index, store);
  } finally {
    await store.close();
  }
  for (const { state } of [streaming.weights, streaming.sums]) executor.release(state);
  for (const { taken, given } of streaming.carried)
    for (const state of [taken, given]) if (executor.has(state)) executor.release(state);
};
